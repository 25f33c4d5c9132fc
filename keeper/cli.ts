import { readDeployment } from "../protocol/chain/deployment.ts";
import { openRegistration } from "../protocol/chain/memberRegistration.ts";
import { loadPoints } from "../protocol/kzg/points.ts";
import { type CliSurroundings, runDaemonCli } from "../protocol/runtime/daemonCli.ts";
import { runDaemon } from "../protocol/runtime/daemonLife.ts";
import { accountOfKeyFile } from "../protocol/runtime/keyAccount.ts";
import { createLogger } from "../protocol/runtime/logger.ts";
import { packageVersion } from "../protocol/runtime/packageVersion.ts";
import { createShutdown } from "../protocol/runtime/shutdown.ts";
import { startKeeper } from "./keeper.ts";
import { registerKeeper } from "./register.ts";
import { type KeeperSettings, keeperSettings } from "./settings.ts";

/** Runs `memo-keeper`; resolves with the exit code. */
export function runCli(argv: readonly string[], surroundings?: CliSurroundings): Promise<number> {
  return runDaemonCli(
    {
      name: "keeper",
      description: "A keeper: challenges providers, verifies their proofs and votes on every epoch.",
      examples: [
        "memo-keeper register --deployment deployments.json --operator-key-file op.key --owner-key-file owner.key",
        "memo-keeper start --deployment deployments.json --operator-key-file op.key --data-dir /srv/memo-keeper",
        "memo-keeper status",
      ],
      remark: `The vote journal in the data directory is what keeps a keeper from signing two different votes: never run
two keepers with one operator key, and never start one with an older copy of its journal.`,
      settings: keeperSettings,
      start,
      register: { description: "approve the stake, register in the group and take a seat", run: register },
    },
    argv,
    surroundings,
  );
}

async function start(settings: KeeperSettings): Promise<number> {
  const logger = createLogger({ name: "memo-keeper", level: settings.logLevel });
  return runDaemon({
    name: "keeper",
    logger,
    shutdown: createShutdown({ logger }),
    start: async () =>
      startKeeper({
        settings,
        account: await accountOfKeyFile(settings.operatorKeyFile, "--operator-key-file"),
        deployment: await readDeployment(settings.deployment, settings.rpcUrl),
        points: await loadPoints(),
        logger,
        version: await packageVersion(),
      }),
  });
}

async function register(settings: KeeperSettings) {
  const registration = await openRegistration(settings, "memo-keeper");
  const { endpoint, operator, owner } = registration;
  const { keeperId, hash } = await registerKeeper(registration);
  return { keeperId, endpoint, operator, owner, transaction: hash };
}
