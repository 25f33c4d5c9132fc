import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { type Address, BaseError, ContractFunctionRevertedError, type Hex, type PublicClient } from "viem";
import { readJournal } from "../../ignition/readJournal.ts";
import { clientOf, type DeploymentChoice, groupSalt, runModules } from "../../ignition/runModules.ts";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { MemoError } from "../../protocol/errors.ts";
import { outOfRange } from "./parameters.ts";

const BALANCE = 10n ** 24n;
const POLL_MS = 10;
const MS_PER_SECOND = 1000;

/** A transaction of a deployment as it went in the rehearsal. */
export type RehearsedStep = {
  readonly futureId: string;
  readonly gas: bigint;
  readonly input: Hex;
  /** Makes a contract; a call otherwise. */
  readonly creates: boolean;
};

/**
 * Does the whole deployment on a chain in memory with the id and the time of the real one: the contracts themselves
 * say whether the parameters fit together, and what it takes.
 * @returns the transactions in the order in which they are sent
 * @throws PARAMETER_OUT_OF_RANGE, PARAMETER_REFUSED, DEPLOY_INCOMPLETE
 */
export async function rehearse(options: {
  readonly hre: HardhatRuntimeEnvironment;
  readonly chainId: number;
  readonly chainTime: number;
  readonly sender: Address;
  readonly groupName: string;
  readonly choice: DeploymentChoice;
}): Promise<readonly RehearsedStep[]> {
  const { hre, chainId, chainTime, sender, groupName, choice } = options;
  const journal = await mkdtemp(join(tmpdir(), "memo-rehearsal-"));
  const connection = await hre.network.create({
    network: "default",
    override: { chainId, initialDate: new Date(chainTime * MS_PER_SECOND) },
  });
  try {
    const { provider } = connection;
    const client = clientOf(provider);
    await provider.request({ method: "hardhat_impersonateAccount", params: [sender] });
    await provider.request({ method: "hardhat_setBalance", params: [sender, `0x${BALANCE.toString(16)}`] });
    const config = { requiredConfirmations: 1, blockPollingInterval: POLL_MS };
    try {
      await runModules({ hre, provider, sender, journal, groupName, choice, config });
    } catch (error) {
      throw (await explain(client, { journal, sender, groupName, choice })) ?? error;
    }
    const entries = [...(await readJournal(journal)).values()];
    return await Promise.all(entries.map((entry) => measure(client, entry.futureId, entry.transaction!)));
  } finally {
    await connection.close();
    await rm(journal, { recursive: true, force: true });
  }
}

async function measure(client: PublicClient, futureId: string, hash: Hex): Promise<RehearsedStep> {
  const [{ input, to }, { gasUsed }] = await Promise.all([
    client.getTransaction({ hash }),
    client.getTransactionReceipt({ hash }),
  ]);
  return { futureId, input, gas: gasUsed, creates: to === null };
}

/** What the factory has against the group, when it was the factory that refused. */
async function explain(
  client: PublicClient,
  at: {
    readonly journal: string;
    readonly sender: Address;
    readonly groupName: string;
    readonly choice: DeploymentChoice;
  },
): Promise<MemoError | undefined> {
  const entries = await readJournal(at.journal);
  const factory = entries.get("Factory#GroupFactory")?.address;
  const token = entries.get("Token#MemoToken")?.address;
  if (factory === undefined || token === undefined) return undefined;
  try {
    await client.simulateContract({
      account: at.sender,
      address: factory,
      abi: groupFactoryAbi,
      functionName: "createGroup",
      args: [
        { ...at.choice.group, token, genesis: BigInt(at.choice.group.genesis) },
        groupSalt(at.groupName),
      ],
    });
    return undefined;
  } catch (cause) {
    const revert =
      cause instanceof BaseError && cause.walk((each) => each instanceof ContractFunctionRevertedError);
    if (!(revert instanceof ContractFunctionRevertedError) || revert.data === undefined) return undefined;
    const { errorName, args = [] } = revert.data;
    if (errorName === "ParameterOutOfRange") {
      const [name, value, min, max] = args as readonly [string, bigint, bigint, bigint];
      return outOfRange(name, value, min, max);
    }
    return new MemoError(
      "PARAMETER_REFUSED",
      `The factory refuses this group: ${errorName}(${args.join(", ")}).`,
      {
        details: { errorName, args },
      },
    );
  }
}
