/** Rounds of votes that are remembered per member: more than any honest run needs, so memory is bounded. */
const ROUNDS_KEPT = 64;

/** Votes by round and subject; of each member only the first vote of a round counts. */
export type Tally<Vote extends { readonly member: number }> = {
  /** Counts a vote; false if the member has voted in this round, `conflict` if for another subject. */
  add(round: number, subject: string, vote: Vote): "counted" | "repeated" | "conflict";
  /** Votes for a subject in a round, ascending by member. */
  votes(round: number, subject: string): readonly Vote[];
  /** Members that voted in a round. */
  members(round: number): readonly number[];
};

/** Creates an empty tally. */
export function createTally<Vote extends { readonly member: number }>(): Tally<Vote> {
  const rounds = new Map<number, Map<number, { subject: string; vote: Vote }>>();
  const perMember = new Map<number, number[]>();

  const forget = (member: number, round: number) => {
    const kept = perMember.get(member) ?? [];
    kept.push(round);
    perMember.set(member, kept);
    if (kept.length <= ROUNDS_KEPT) return;
    const oldest = kept.shift()!;
    const votes = rounds.get(oldest);
    votes?.delete(member);
    if (votes?.size === 0) rounds.delete(oldest);
  };

  return {
    add(round, subject, vote) {
      const votes = rounds.get(round) ?? new Map<number, { subject: string; vote: Vote }>();
      const earlier = votes.get(vote.member);
      if (earlier !== undefined) return earlier.subject === subject ? "repeated" : "conflict";
      votes.set(vote.member, { subject, vote });
      rounds.set(round, votes);
      forget(vote.member, round);
      return "counted";
    },
    votes(round, subject) {
      const votes = [...(rounds.get(round)?.values() ?? [])];
      return votes
        .filter((entry) => entry.subject === subject)
        .map(({ vote }) => vote)
        .sort((a, b) => a.member - b.member);
    },
    members: (round) => [...(rounds.get(round)?.keys() ?? [])].sort((a, b) => a - b),
  };
}
