import { readDeployment } from "../protocol/chain/deployment.ts";
import { openRegistration } from "../protocol/chain/memberRegistration.ts";
import { createFieldPool } from "../protocol/kzg/fieldPool.ts";
import { createKzg } from "../protocol/kzg/kzg.ts";
import { loadPoints } from "../protocol/kzg/points.ts";
import { systemClock } from "../protocol/runtime/clock.ts";
import { type CliSurroundings, runDaemonCli } from "../protocol/runtime/daemonCli.ts";
import { runDaemon } from "../protocol/runtime/daemonLife.ts";
import { accountOfKeyFile } from "../protocol/runtime/keyAccount.ts";
import { createLogger } from "../protocol/runtime/logger.ts";
import { packageVersion } from "../protocol/runtime/packageVersion.ts";
import { createShutdown } from "../protocol/runtime/shutdown.ts";
import { setExiting } from "./exit.ts";
import { startProvider } from "./provider.ts";
import { registerProvider } from "./register.ts";
import { type ProviderSettings, providerSettings } from "./settings.ts";

/** Runs `memo-provider`; resolves with the exit code. */
export function runCli(argv: readonly string[], surroundings?: CliSurroundings): Promise<number> {
  return runDaemonCli(
    {
      name: "provider",
      description: "A storage node: keeps shards under stake and proves every epoch that it has them.",
      examples: [
        "memo-provider register --deployment deployments.json --operator-key-file op.key --owner-key-file owner.key",
        "memo-provider start --deployment deployments.json --operator-key-file op.key --data-dir /srv/memo",
        "memo-provider status",
        "memo-provider exit --deployment deployments.json --operator-key-file op.key",
      ],
      settings: providerSettings,
      start,
      register: {
        description: "approve the stake and register in the group, with this provider's endpoint",
        run: register,
      },
      commands: {
        exit: {
          description: "ask to leave: slots are offered to others; keep running until each is taken over",
          run: (settings) => setExiting(settings, true),
        },
        stay: {
          description: "take back the wish to leave",
          run: (settings) => setExiting(settings, false),
        },
      },
    },
    argv,
    surroundings,
  );
}

async function start(settings: ProviderSettings): Promise<number> {
  const logger = createLogger({ name: "memo-provider", level: settings.logLevel });
  const shutdown = createShutdown({ logger });
  const deployment = await readDeployment(settings.deployment, settings.rpcUrl);
  const account = await accountOfKeyFile(settings.operatorKeyFile, "--operator-key-file");
  const points = await loadPoints();
  const kzg = createKzg();
  // Closed here and not by a step of the shutdown: that may have run before there was a pool.
  await using cleanup = new AsyncDisposableStack();
  const fieldPool = cleanup.adopt(createFieldPool(), (pool) => pool.close());
  return await runDaemon({
    name: "provider",
    logger,
    shutdown,
    start: async () =>
      startProvider({
        settings,
        account,
        deployment,
        kzg,
        points,
        fieldPool,
        clock: systemClock,
        logger,
        version: await packageVersion(),
      }),
  });
}

async function register(settings: ProviderSettings) {
  const registration = await openRegistration(settings, "memo-provider");
  const { endpoint, operator, owner, stake } = registration;
  const { ask, domain, repairs } = settings;
  const { providerId, hash } = await registerProvider({
    ...registration,
    registration: { operator, endpoint, domain, ask, repairs, stake },
  });
  return { providerId, endpoint, operator, owner, transaction: hash };
}
