import { join } from "node:path";
import type { HardhatUserConfig } from "hardhat/config";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { EthereumProvider } from "hardhat/types/providers";
import { type Address, formatEther } from "viem";
import config from "../../hardhat.config.ts";
import { buildContracts } from "../../ignition/buildContracts.ts";
import { readDeployment } from "../../ignition/readDeployment.ts";
import { type JournalEntry, readJournal } from "../../ignition/readJournal.ts";
import { accountsOf, clientOf, type DeploymentChoice, runModules } from "../../ignition/runModules.ts";
import { type Deployments, writeDeployments } from "../../protocol/chain/deployment.ts";
import { probeChain } from "../../protocol/chain/probeChain.ts";
import { MemoError } from "../../protocol/errors.ts";
import { explainError } from "./errors.ts";
import { estimateOnChain, readDataFee, readFee } from "./fees.ts";
import { mergeDeployment, readKnown, requireKnown, setAside } from "./known.ts";
import { mendJournal } from "./mend.ts";
import type { DeployOptions } from "./options.ts";
import { readParameters, resolveChoice } from "./parameters.ts";
import { type Plan, planDeployment } from "./plan.ts";
import { describeDeployment, describePlan } from "./print.ts";
import { createProgress } from "./progress.ts";
import { rehearse } from "./rehearse.ts";
import { readFixedChoice, rememberChoice } from "./remembered.ts";
import { verifySources } from "./verify.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Ignition asks for a new block so often; a chain on this machine has one at once. */
const LOCAL_POLL_MS = 50;

export type Surroundings = {
  readonly say: (line: string) => void;
  /** Asks a person; without one the command needs `--yes`. */
  readonly confirm?: (question: string) => Promise<boolean>;
};

/** A chain that was asked for everything that is needed of it. */
type Target = {
  readonly hre: HardhatRuntimeEnvironment;
  readonly provider: EthereumProvider;
  readonly chainId: number;
  readonly chainTime: number;
  readonly sender: Address;
};

/** A journal and what is known of the chain. */
type Place = {
  readonly folder: string;
  readonly known: Deployments;
  readonly journal: ReadonlyMap<string, JournalEntry>;
};

/**
 * Deploys token, factory and a group to a network, or what is not there yet: checks the chain, shows the plan, asks,
 * sends, writes the deployment file, and shows explorers the sources.
 * @throws SETTING_MISSING, CHAIN_*, PARAMETER_*, DEPLOYMENT_*, BALANCE_TOO_LOW, CONFIRMATION_MISSING, DECLINED,
 * TRANSACTION_*, DEPLOY_*, SOURCES_NOT_VERIFIED
 */
export async function deploy(options: DeployOptions, surroundings: Surroundings): Promise<void> {
  const file = await readParameters(options.parameters);
  const hre = await openHardhat(options);
  const connection = await hre.network.create({ network: options.network }).catch(explained(options));
  try {
    const target = await openTarget(hre, connection.provider, options, surroundings);
    const place = await openPlace(target, options);
    const fixed = await readFixedChoice(place.folder, options.group, place.journal);
    const choice = resolveChoice(file, { deployer: target.sender, chainTime: target.chainTime, fixed });
    // Not sooner: who forgot a setting need not wait for the compiler.
    await buildContracts();
    const isDone = await carryOut(target, place, choice, options, surroundings);
    if (!isDone || options.verify.length === 0) return;
    const { folder } = place;
    surroundings.say(`\nVerifying the sources on ${options.verify.join(", ")}`);
    const verifying = await openHardhat(options, target.chainId);
    await verifySources({ hre: verifying, folder, explorers: options.verify, say: surroundings.say });
  } finally {
    await connection.close();
  }
}

const explained = (options: DeployOptions) => (error: unknown) => {
  throw explainError(error, options.network);
};

async function openHardhat(options: DeployOptions, chainId?: number): Promise<HardhatRuntimeEnvironment> {
  const { network, rpcUrl, explorerUrls } = options;
  const target = config.networks?.[network];
  if (target?.type !== "http") throw new MemoError("NETWORK_UNKNOWN", `${network} is in no configuration.`);
  const { etherscan, blockscout, sourcify } = explorerUrls;
  const own: HardhatUserConfig = {
    ...config,
    networks: {
      ...config.networks,
      [network]: { ...target, ...(rpcUrl === undefined ? {} : { url: rpcUrl }) },
    },
    verify: { ...config.verify, ...(sourcify === undefined ? {} : { sourcify: { apiUrl: sourcify } }) },
  };
  if (chainId !== undefined && (etherscan !== undefined || blockscout !== undefined)) {
    const explorerAt = (url: string) => ({ url, apiUrl: url });
    own.chainDescriptors = {
      ...config.chainDescriptors,
      [chainId]: {
        name: network,
        blockExplorers: {
          ...(etherscan === undefined ? {} : { etherscan: explorerAt(etherscan) }),
          ...(blockscout === undefined ? {} : { blockscout: explorerAt(blockscout) }),
        },
      },
    };
  }
  return createHardhatRuntimeEnvironment(own, { network, buildProfile: "default" }, ROOT);
}

async function openTarget(
  hre: HardhatRuntimeEnvironment,
  provider: EthereumProvider,
  options: DeployOptions,
  { say }: Surroundings,
): Promise<Target> {
  const client = clientOf(provider);
  // The first question that goes through Hardhat's own checks of the chain id, the settings and the node.
  const [sender] = await accountsOf(provider).catch(explained(options));
  const chainId = await client.getChainId().catch(explained(options));
  const latest = await client.getBlock().catch(explained(options));
  if (sender === undefined) {
    throw new MemoError("SENDER_MISSING", `${options.network} has no account to deploy with.`);
  }
  say(`${options.network}: chain ${chainId}, block ${latest.number}, deployer ${sender}`);
  const { randaoSeen } = await probeChain(client);
  say(
    `  has point evaluation (0x0a) and every instruction${randaoSeen ? ", prevRandao changes" : "; too young to say whether prevRandao changes"}`,
  );
  return { hre, provider, chainId, chainTime: Number(latest.timestamp), sender };
}

async function openPlace({ provider, chainId }: Target, options: DeployOptions): Promise<Place> {
  const folder = join(ROOT, "ignition/deployments", options.deploymentId ?? `chain-${chainId}`);
  const known = await readKnown(options.out);
  if (options.reset) {
    if (options.dryRun) return { folder, known, journal: new Map() };
    const suffix = `before-${new Date().toISOString().replace(/[:.]/g, "-")}`;
    const rest = await setAside({ folder, out: options.out, known, chainId, suffix });
    return { folder, known: rest, journal: new Map() };
  }
  const journal = await readJournal(folder);
  await requireKnown({ client: clientOf(provider), chainId, known, journal });
  return { folder, known, journal };
}

/** Everything from the plan to the deployment file; false when it was only a plan. */
async function carryOut(
  target: Target,
  place: Place,
  choice: DeploymentChoice,
  options: DeployOptions,
  { say, confirm }: Surroundings,
): Promise<boolean> {
  const { hre, provider, sender, chainId } = target;
  const { folder } = place;
  const groupName = options.group;
  say("Rehearsing on a chain in memory");
  const plan = await makePlan(target, place, choice, groupName);
  say("");
  for (const line of describePlan(plan)) say(line);
  const isAllDone = plan.steps.every((step) => step.state === "done");
  if (!isAllDone) await requireBalance(target, plan, say);
  if (options.dryRun) {
    say("\nA dry run: nothing was sent.");
    return false;
  }
  if (isAllDone) say("\nEverything is there already.");
  else {
    if (!options.yes) await requireConsent(options, confirm);
    await rememberChoice(folder, groupName, choice);
    for (const note of await mendJournal({ hre, provider, folder, sender })) say(`  ${note}`);
    say("\nDeploying; if this ends before its end, the same command goes on");
    const config = options.network === "localhost" ? { blockPollingInterval: LOCAL_POLL_MS } : {};
    const listener = createProgress(say);
    await runModules({ hre, provider, sender, journal: folder, groupName, choice, config, listener });
  }
  const deployment = await readDeployment(clientOf(provider), folder);
  await writeDeployments(options.out, mergeDeployment(place.known, deployment));
  const settlement = plan.contracts.settlement.toLowerCase();
  const groups = deployment.groups.filter((group) => group.settlement.toLowerCase() === settlement);
  say("");
  for (const line of describeDeployment({ ...deployment, groups })) say(line);
  say(`\n${options.out} has group "${groupName}" of chain ${chainId}.`);
  return true;
}

async function makePlan(
  { hre, provider, chainId, chainTime, sender }: Target,
  { journal }: Place,
  choice: DeploymentChoice,
  groupName: string,
): Promise<Plan> {
  const client = clientOf(provider);
  const rehearsed = await rehearse({ hre, chainId, chainTime, sender, groupName, choice });
  const toDo = rehearsed.filter((step) => !journal.has(step.futureId));
  const estimated = new Map(
    (await estimateOnChain(client, sender, toDo)).map((step) => [step.futureId, step] as const),
  );
  return planDeployment({
    rehearsed: rehearsed.map((step) => estimated.get(step.futureId) ?? step),
    journal,
    sender,
    nonce: await client.getTransactionCount({ address: sender, blockTag: "pending" }),
    groupName,
    fee: await readFee(client),
    dataFee: await readDataFee(client, toDo),
  });
}

async function requireBalance(
  { provider, sender }: Target,
  { mostCost }: Plan,
  say: Surroundings["say"],
): Promise<void> {
  const balance = await clientOf(provider).getBalance({ address: sender });
  say(`  ${sender} has ${formatEther(balance)} coin`);
  if (balance > 0n && balance >= mostCost) return;
  throw new MemoError(
    "BALANCE_TOO_LOW",
    `${sender} has ${formatEther(balance)} coin, the deployment may take ${formatEther(mostCost)}: send it some first.`,
    { details: { sender, balance, needed: mostCost }, retryable: true },
  );
}

async function requireConsent(options: DeployOptions, confirm: Surroundings["confirm"]): Promise<void> {
  if (confirm === undefined) {
    throw new MemoError(
      "CONFIRMATION_MISSING",
      "There is no terminal to ask on: say --yes, or --dry-run to only look.",
    );
  }
  if (await confirm(`Deploy this to ${options.network}? (yes/no) `)) return;
  throw new MemoError("DECLINED", "Nothing was sent.");
}
