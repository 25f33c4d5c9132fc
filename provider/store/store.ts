import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Address, bytesToHex, type Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import { type AnswerTable, createAnswerTable } from "./answers.ts";
import { type MetadataDatabase, openDatabase } from "./database.ts";
import { createOrderTable, type OrderTable } from "./orders.ts";
import { createRepairTable, type Repair, type RepairTable } from "./repairs.ts";
import { createShardFiles, type FileSystem, type ShardFiles } from "./shardFiles.ts";
import { createUploadTable, type UploadTable } from "./uploads.ts";

/** All that a provider keeps. */
export type ProviderStore = {
  readonly shards: ShardFiles;
  readonly uploads: UploadTable;
  readonly orders: OrderTable;
  readonly answers: AnswerTable;
  readonly repairs: RepairTable;
  /** Whose bytes these are; undefined before the provider was first seen registered. */
  providerId(): number | undefined;
  setProviderId(id: number): void;
  /** Forgets an upload, its orders and its bytes. */
  removeUpload(id: Hex): Promise<void>;
  /** Gives a repair up for good; what was rebuilt goes. */
  refuseRepair(repair: Repair, code: string): Promise<void>;
  /** Forgets a repair whose offer is over; what was rebuilt goes. */
  removeRepair(repair: Repair): Promise<void>;
  /** Shards of committed windows that are not there; a shard that is there may still be damaged. */
  missingShards(): Promise<{ uploadId: Hex; stripe: number }[]>;
  close(): void;
};

/**
 * Opens the store in `directory` and puts it in order: half-written files go, so do bytes of uploads that
 * the metadata does not know.
 * @throws STORE_TOO_NEW, DATA_DIR_IN_USE, DATA_DIR_FOREIGN (it belongs to another group or chain)
 */
export async function openProviderStore(options: {
  directory: string;
  chainId: number;
  settlement: Address;
  logger: Logger;
  fileSystem?: FileSystem;
}): Promise<ProviderStore> {
  const { directory, logger } = options;
  const database = openDatabase(directory);
  try {
    bind(database, options);
    const shards = createShardFiles({
      directory: join(directory, "shards"),
      ...(options.fileSystem === undefined ? {} : { fileSystem: options.fileSystem }),
    });
    const uploads = createUploadTable(database);
    const removed = await shards.recover(new Set(uploads.ids()));
    if (removed.halfFiles + removed.strangers > 0) logger.warn(removed, "removed what a crash had left");
    const orders = createOrderTable(database);
    const repairs = createRepairTable(database, {
      uploads,
      orders,
      newId: () => bytesToHex(randomBytes(32)),
    });
    const removeBytes = async (id: Hex | undefined) => {
      if (id !== undefined) await shards.remove(id);
    };
    return {
      shards,
      uploads,
      orders,
      repairs,
      answers: createAnswerTable(database),
      ...createIdentity(database),
      async removeUpload(id) {
        // Metadata first: bytes without metadata are removed at the next start, the reverse is a loss.
        uploads.remove(id);
        await shards.remove(id);
      },
      refuseRepair: (repair, code) => removeBytes(repairs.refuse(repair, code)),
      removeRepair: (repair) => removeBytes(repairs.remove(repair)),
      missingShards: () => missingShards(uploads, shards),
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A data directory serves one group of one chain for good: its signatures mean nothing elsewhere. */
function bind(database: MetadataDatabase, { directory, chainId, settlement }: BindOptions): void {
  database
    .prepare("INSERT OR IGNORE INTO binding (only, chain_id, settlement) VALUES (1, ?, ?)")
    .run(chainId, settlement.toLowerCase());
  const bound = database
    .prepare<[], { chain_id: number; settlement: string }>("SELECT chain_id, settlement FROM binding")
    .get();
  if (bound?.chain_id === chainId && bound.settlement === settlement.toLowerCase()) return;
  throw new MemoError(
    "DATA_DIR_FOREIGN",
    `${directory} holds data for group ${bound?.settlement} on chain ${bound?.chain_id}, not for ${settlement} on chain ${chainId}. Give each group a data directory of its own.`,
    { details: { directory, bound, chainId, settlement } },
  );
}

function createIdentity(database: MetadataDatabase): Pick<ProviderStore, "providerId" | "setProviderId"> {
  const get = database.prepare<[], number | null>("SELECT provider_id FROM binding").pluck();
  const set = database.prepare("UPDATE binding SET provider_id = ?");
  return {
    providerId: () => get.get() ?? undefined,
    setProviderId: (id) => void set.run(id),
  };
}

type BindOptions = { directory: string; chainId: number; settlement: Address };

async function missingShards(uploads: UploadTable, shards: ShardFiles) {
  const missing: { uploadId: Hex; stripe: number }[] = [];
  for (const uploadId of uploads.ids()) {
    for (const { firstStripe, count } of uploads.windows(uploadId)) {
      for (let stripe = firstStripe; stripe < firstStripe + count; stripe++) {
        if (!(await shards.has(uploadId, stripe))) missing.push({ uploadId, stripe });
      }
    }
  }
  return missing;
}
