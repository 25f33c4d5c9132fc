import { MemoError } from "../../protocol/errors.ts";
import type { GroupView } from "./groupView.ts";
import type { Members } from "./members.ts";

/** Endpoints of the members of a group. */
export type MemberCache = {
  /** @throws PROVIDER_UNKNOWN */
  providerEndpoint(provider: number): Promise<string>;
  /** Of all keepers that have a seat. */
  keeperEndpoints(): Promise<readonly string[]>;
};

/** Reads the members once, and again for a provider that is not among them: it may have come since. */
export function createMemberCache(view: Pick<GroupView, "members">): MemberCache {
  let members: Promise<Members> | undefined;

  function read(): Promise<Members> {
    const reading = view.members();
    members = reading;
    reading.catch(() => {
      members = undefined;
    });
    return reading;
  }

  return {
    async providerEndpoint(provider) {
      const known = members && (await members).providers.get(provider);
      const found = known ?? (await read()).providers.get(provider);
      if (found) return found.endpoint;
      throw new MemoError("PROVIDER_UNKNOWN", `Provider ${provider} is not registered in this group.`, {
        details: { provider },
      });
    },
    async keeperEndpoints() {
      const { keepers } = await (members ?? read());
      return [...keepers.values()]
        .filter((keeper) => keeper.seat !== undefined)
        .map(({ endpoint }) => endpoint);
    },
  };
}
