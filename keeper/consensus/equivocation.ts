import { certificateKey } from "./certificates.ts";
import type { CommitMessage } from "./messages.ts";

/** Two commits of one member to different certificates of one (term, epoch, round): what its stake answers for. */
export type Equivocation = { readonly first: CommitMessage; readonly second: CommitMessage };

type Seen = { readonly commit: CommitMessage; readonly reported: boolean };

/** Commits remembered of one epoch, so that memory is bounded: 32 members in 256 rounds. */
const COMMITS_PER_EPOCH = 8_192;

/** Notices members that commit twice, in whatever order and message their commits come. */
export type EquivocationWatch = {
  /** Looks at a commit whose signature has been checked. */
  see(commit: CommitMessage): void;
  /** Forgets epochs below. */
  prune(below: number): void;
};

/** Creates the watch; `onEquivocation` is called once per member, epoch and round. */
export function createEquivocationWatch(
  onEquivocation: (equivocation: Equivocation) => void,
): EquivocationWatch {
  const epochs = new Map<number, Map<string, Seen>>();
  return {
    see(commit) {
      const { member, certificate } = commit;
      const { epoch, round } = certificate;
      const seen = epochs.get(epoch) ?? new Map<string, Seen>();
      epochs.set(epoch, seen);
      // The term is that of the epoch: the inbox has seen to it.
      const key = `${member}/${round}`;
      const earlier = seen.get(key);
      if (earlier === undefined) {
        if (seen.size < COMMITS_PER_EPOCH) seen.set(key, { commit, reported: false });
        return;
      }
      if (earlier.reported || certificateKey(earlier.commit.certificate) === certificateKey(certificate))
        return;
      seen.set(key, { commit: earlier.commit, reported: true });
      onEquivocation({ first: earlier.commit, second: commit });
    },
    prune(below) {
      for (const epoch of epochs.keys()) if (epoch < below) epochs.delete(epoch);
    },
  };
}
