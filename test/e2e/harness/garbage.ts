import { randomBytes } from "node:crypto";
import { createPublicClient, createWalletClient, http, type PublicClient } from "viem";
import { hardhat } from "viem/chains";
import { createGroupView } from "../../../client/chain/groupView.ts";
import { createKeyring } from "../../../client/keyring.ts";
import { createProviderLink } from "../../../client/providerLink.ts";
import { createNoJournal } from "../../../client/store/journal.ts";
import { bytesSource } from "../../../client/store/source.ts";
import { type StoreResult, storeSource, WINDOW_BYTES } from "../../../client/store/store.ts";
import { createTransactor } from "../../../protocol/chain/transactor.ts";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { createFieldPool } from "../../../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../../protocol/kzg/points.ts";
import { createReedSolomon, type ReedSolomon } from "../../../protocol/object/reedSolomon.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { embeddedAccount } from "../../../scripts/embedded/accounts.ts";
import type { EmbeddedNetwork } from "../../../scripts/embedded/network.ts";
import { knowingOnly } from "../../../scripts/story/clients.ts";

/** Parity that is none: canonical shards, each with one byte that is wrong. */
function createGarbling(): ReedSolomon {
  const honest = createReedSolomon();
  return {
    ...honest,
    encode(stripe, policy) {
      honest.encode(stripe, policy);
      // The first byte of 32 has to stay zero.
      for (let slot = policy.k; slot < policy.n; slot++) stripe[slot * SHARD_BYTES + 1]! ^= 1;
    },
  };
}

/** Stores bytes as a user does who wants repairers to fail: every commitment is right, the stripes are no codewords. */
export async function storeGarbage(
  network: EmbeddedNetwork,
  options: { kzg: Kzg; bytes: Uint8Array; policy: string; among: readonly number[]; epochs: number },
): Promise<StoreResult> {
  const { chain, deployment, group, logger } = network;
  const account = embeddedAccount("user");
  const common = { chain: hardhat, transport: http(chain.url) } as const;
  const publicClient = createPublicClient({ ...common, cacheTime: 0 }) as PublicClient;
  const view = createGroupView({ client: publicClient, chainId: deployment.chainId, group });
  const random = (length: number) => new Uint8Array(randomBytes(length));
  const link = await createProviderLink({ random, logger });
  const fieldPool = createFieldPool();
  const transactor = createTransactor({
    walletClient: createWalletClient({ ...common, account }),
    publicClient,
    logger,
    pollMs: 50,
  });
  const keyring = createKeyring({ account, chainId: deployment.chainId, random });
  try {
    return await storeSource(
      {
        view: knowingOnly(view, options.among),
        account,
        random,
        clock: systemClock,
        journal: createNoJournal(),
        windowBytes: WINDOW_BYTES,
        link,
        kzg: options.kzg,
        points: await loadPoints(),
        fieldPool,
        reedSolomon: createGarbling(),
        transactor,
        root: () => keyring.current(),
      },
      bytesSource(options.bytes),
      { name: "garbage.bin", policy: options.policy, epochs: options.epochs, startIn: 2 },
    );
  } finally {
    transactor.close();
    await fieldPool.close();
    await link.close();
  }
}
