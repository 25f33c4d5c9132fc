import type { DirectChallenge } from "../chain/disputeView.ts";
import type { SlotState } from "../chain/groupView.ts";

/**
 * How a slot stands. `held`: its holder proved everything lately. `missed`: it did not, in some of the epochs looked at.
 * `accused`: a direct challenge to one of its shards is open. `offered`: nobody holds it, somebody may take it. `vacant`:
 * nobody holds it. `void`: nobody ever will.
 */
export type SlotCondition = "held" | "missed" | "accused" | "offered" | "vacant" | "void";

export type SlotStatus = {
  readonly slot: number;
  readonly condition: SlotCondition;
  /** Who holds it; undefined when nobody does. */
  readonly provider: number | undefined;
  readonly endpoint: string;
  /** First epoch of the holder. */
  readonly since: number;
  readonly former: { readonly provider: number; readonly until: number } | undefined;
  /** A live offer: of a vacant slot, or of one whose holder leaves. */
  readonly offer: { readonly provider: number; readonly deadline: number } | undefined;
  /** Epochs, of the last certified ones looked at, in which the holder was certified as missing. */
  readonly missed: readonly number[];
};

/** Judges one slot; pure. */
export function slotStatus(
  state: SlotState,
  facts: {
    epochNow: number;
    endpoint: string;
    missed: readonly number[];
    /** Direct challenges to the order. */
    challenges: readonly DirectChallenge[];
  },
): SlotStatus {
  const { slot, holder, since, former } = state;
  const missed = facts.missed.filter((epoch) => epoch >= since);
  const offer = state.offer && state.offer.deadline >= facts.epochNow ? state.offer : undefined;
  const accused = facts.challenges.some(
    ({ ticket, outcome }) =>
      outcome === undefined && ticket.slot === slot && ticket.providerId === holder && holder !== undefined,
  );
  const condition: SlotCondition = state.voided
    ? "void"
    : holder === undefined
      ? offer
        ? "offered"
        : "vacant"
      : accused
        ? "accused"
        : missed.length > 0
          ? "missed"
          : "held";
  return { slot, condition, provider: holder, endpoint: facts.endpoint, since, former, offer, missed };
}

/**
 * Slots that may still fail before data is lost: m less those without a holder and those whose holder missed the last
 * certified epoch. Negative: the stripes cannot be rebuilt from what was proven last.
 */
export function spareParities(m: number, slots: readonly SlotStatus[], lastCertified: number): number {
  const down = slots.filter(
    ({ provider, missed }) => provider === undefined || missed.includes(lastCertified),
  );
  return m - down.length;
}

const SYMBOLS: Readonly<Record<SlotCondition, string>> = {
  held: "#",
  missed: "-",
  accused: "?",
  offered: ">",
  vacant: ".",
  void: "x",
};

/** One sign for each slot: `[####-#>#.]`. */
export function redundancyBar(slots: readonly Pick<SlotStatus, "condition">[]): string {
  return `[${slots.map(({ condition }) => SYMBOLS[condition]).join("")}]`;
}

/** What the signs of a bar stand for, as far as it has them. */
export function legend(slots: readonly Pick<SlotStatus, "condition">[]): string {
  const shown = (Object.keys(SYMBOLS) as SlotCondition[]).filter((condition) =>
    slots.some((slot) => slot.condition === condition),
  );
  return shown.map((condition) => `${SYMBOLS[condition]} ${condition}`).join("  ");
}
