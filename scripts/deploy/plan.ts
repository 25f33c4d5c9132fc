import { type Address, getContractAddress } from "viem";
import { groupModuleId } from "../../ignition/modules/Group.ts";
import type { JournalEntry } from "../../ignition/readJournal.ts";
import { groupSalt } from "../../ignition/runModules.ts";
import { MemoError } from "../../protocol/errors.ts";
import { type GroupAddresses, predictGroup } from "./predict.ts";
import type { RehearsedStep } from "./rehearse.ts";

/** Price of gas, wei: what it is now, and what a transaction offers at most. */
export type Fee = { readonly now: bigint; readonly most: bigint };

/** One transaction of a deployment. */
export type PlannedStep = {
  readonly futureId: string;
  /** What a person calls it. */
  readonly title: string;
  readonly gas: bigint;
  readonly state: "done" | "sent" | "to do";
  /** Of the contract that it makes; predicted while it is not done. */
  readonly address?: Address;
};

export type Plan = {
  readonly steps: readonly PlannedStep[];
  readonly factory: Address;
  readonly token: Address;
  readonly contracts: GroupAddresses;
  /** Of what is to do. */
  readonly gas: bigint;
  readonly fee: Fee;
  /** Native wei that a rollup takes for putting the transactions onto L1; undefined on others. */
  readonly dataFee: bigint | undefined;
  /** Native wei at the present price, and at most. */
  readonly cost: bigint;
  readonly mostCost: bigint;
};

/**
 * What will be sent, in order, to which addresses, for how much: the nonces from `nonce` on go to what is to do.
 */
export function planDeployment(options: {
  readonly rehearsed: readonly RehearsedStep[];
  readonly journal: ReadonlyMap<string, JournalEntry>;
  readonly sender: Address;
  /** First nonce that no transaction has. */
  readonly nonce: number;
  readonly groupName: string;
  readonly fee: Fee;
  readonly dataFee: bigint | undefined;
}): Plan {
  const { rehearsed, journal, sender, groupName, fee, dataFee } = options;
  let nonce = options.nonce;
  const steps = rehearsed.map(({ futureId, gas, creates }): PlannedStep => {
    const entry = journal.get(futureId);
    const base = { futureId, title: titleOf(futureId, groupName), gas };
    if (entry?.done) return { ...base, state: "done", ...addressed(entry.address) };
    if (entry?.nonce !== undefined) {
      const address = creates ? addressAt(sender, entry.nonce) : undefined;
      return { ...base, state: "sent", ...addressed(address) };
    }
    const address = creates ? addressAt(sender, nonce) : undefined;
    nonce += 1;
    return { ...base, state: "to do", ...addressed(address) };
  });
  const addressOf = (futureId: string): Address => {
    const address = steps.find((step) => step.futureId === futureId)?.address;
    if (address !== undefined) return address;
    throw new MemoError("PLAN_INCOMPLETE", `The rehearsal made no ${futureId}.`, { details: { futureId } });
  };
  const factory = addressOf("Factory#GroupFactory");
  const gas = steps.filter((step) => step.state === "to do").reduce((sum, step) => sum + step.gas, 0n);
  const data = gas === 0n ? 0n : (dataFee ?? 0n);
  return {
    ...{ steps, factory, gas, fee, dataFee },
    token: addressOf("Token#MemoToken"),
    contracts: predictGroup(factory, sender, groupSalt(groupName)),
    cost: gas * fee.now + data,
    mostCost: gas * fee.most + data,
  };
}

const addressAt = (from: Address, nonce: number) => getContractAddress({ from, nonce: BigInt(nonce) });
const addressed = (address: Address | undefined) => (address === undefined ? {} : { address });

/** `Factory#StakingLogic` → `Staking (logic)`. */
function titleOf(futureId: string, groupName: string): string {
  if (futureId === `${groupModuleId(groupName)}#createGroup`) return `group "${groupName}"`;
  return futureId.replace(/^.*#/, "").replace(/Logic$/, " (logic)");
}
