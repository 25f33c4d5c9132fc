import { createHash } from "node:crypto";
import { bytesToHex, type Hex, type LocalAccount } from "viem";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { SHARD_BYTES, WINDOW_STRIPES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { shardRoot, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import type { ReedSolomon } from "../../protocol/object/reedSolomon.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { deposit } from "../chain/funding.ts";
import type { GroupView } from "../chain/groupView.ts";
import type { Root } from "../keyring.ts";
import { openOrder, signOrderAs } from "../orders/payment.ts";
import { buildManifest } from "./buildManifest.ts";
import type { UploadJournal } from "./journal.ts";
import { planUpload, type UploadPlan } from "./plan.ts";
import { createProduction, type Produced } from "./production.ts";
import type { OnStoreProgress } from "./progress.ts";
import { collectSignatures } from "./signatures.ts";
import { createSlots, type Slots } from "./slots.ts";
import type { SlotWindowDeps } from "./slotWindow.ts";
import type { Source } from "./source.ts";
import type { StoreOptions } from "./storeOptions.ts";

/** A provider that was refused, and why. */
export type Replacement = {
  readonly slot: number;
  readonly provider: number;
  readonly code: string;
  readonly reason: string;
};

export type StoreResult = {
  readonly orderId: Hex;
  readonly order: Order;
  readonly name: string;
  /** Plain bytes. */
  readonly bytes: number;
  readonly slots: number;
  readonly stripes: number;
  readonly shards: number;
  /** Providers that were refused on the way. */
  readonly replaced: readonly Replacement[];
  readonly transaction: Hex;
  readonly gas: bigint;
  /** Token wei. */
  readonly cost: bigint;
};

export type StoreDeps = SlotWindowDeps & {
  readonly view: GroupView;
  readonly account: LocalAccount;
  readonly transactor: Transactor;
  readonly reedSolomon: ReedSolomon;
  readonly journal: UploadJournal;
  /** Bytes of shards that a window may keep in memory. */
  readonly windowBytes: number;
  /** Root key for the manifest. */
  root(signal: AbortSignal): Promise<Root>;
};

/** Default of {@link StoreDeps.windowBytes}. */
export const WINDOW_BYTES = 48 * 1_048_576;
/** The manifest's location as the order fixes it. */
function locationOf(produced: Produced): Order["manifest"] {
  const { placement, manifest } = produced;
  const digest = bytesToHex(createHash("sha256").update(manifest).digest());
  const firstStripe = placement.kind === "shared" ? 0 : placement.firstStripe;
  return { firstStripe, stripes: placement.stripes, length: BigInt(manifest.length), digest };
}

/** Restates what `production` made as the order fixes it, and has everybody sign. */
async function signAll(
  deps: StoreDeps,
  upload: { uploadId: Hex; plan: UploadPlan; slots: Slots; produced: Produced },
  signal: AbortSignal,
): Promise<{ order: Order; signatures: Hex[]; payerSignature: Hex }> {
  const { plan, slots, produced } = upload;
  const { view } = deps;
  const salt = bytesToHex(deps.random(32));
  const build = (): Order => ({
    ...plan.draft,
    providers: slots.providers().map((provider) => provider.id),
    shardRoot: shardRoot(slots.commitments().map((commitments) => slotRoot(commitments))),
    stripes: produced.stripes,
    manifest: locationOf(produced),
    salt,
  });
  const signed = await collectSignatures(deps, slots, upload.uploadId, build, signal);
  if ((await view.now()) >= Number(plan.draft.openBy)) {
    throw new MemoError(
      "UPLOAD_TOO_SLOW",
      "The upload took longer than providers keep room for. Try again with a larger startIn.",
      { details: { openBy: plan.draft.openBy }, retryable: true },
    );
  }
  return { ...signed, payerSignature: await signOrderAs(deps, signed.order) };
}

/** Sends all shards and has all commitments verified. */
async function sendAll(
  deps: StoreDeps,
  source: Source,
  upload: { uploadId: Hex; plan: UploadPlan; root: Root; compress: boolean },
  onProgress: OnStoreProgress,
  signal: AbortSignal,
): Promise<{ slots: Slots; produced: Produced }> {
  const { plan, root, uploadId } = upload;
  const { shown, policy, now, draft } = plan;
  const { random } = deps;
  const context = { key: random(32), objectId: random(16), version: 1 };
  const production = createProduction({
    source,
    context,
    policy,
    compress: upload.compress,
    windowStripes: Math.max(
      1,
      Math.min(WINDOW_STRIPES, Math.floor(deps.windowBytes / (policy.n * SHARD_BYTES))),
    ),
    reedSolomon: deps.reedSolomon,
    sealManifest: (data) =>
      // Chain time in milliseconds: the same for all devices of an owner, and it rises with every order.
      buildManifest({
        name: shown.name,
        sequence: now * 1000,
        storedAt: now,
        context,
        policy,
        root,
        random,
        data,
      }),
  });
  let sent = 0;
  const onShard = () => {
    sent = Math.min(sent + 1, shown.shards);
    const bytes = production.bytesRead();
    onProgress({ stage: "shards", bytes, ofBytes: shown.bytes, shards: sent, ofShards: shown.shards });
  };
  const { owner, payer, stripes, startEpoch, endEpoch, openBy, price } = draft;
  const terms = { uploadId, owner, payer, stripes, policy, startEpoch, endEpoch, openBy, price };
  const slots = createSlots({ ...deps, pool: plan.pool, production, onProgress, onShard }, terms, signal);
  await slots.reserve();
  for await (const window of production.windows(signal)) await slots.upload(window);
  await source.assertUnchanged();
  return { slots, produced: production.result()! };
}

/**
 * Stores a source: chooses providers, streams shards in windows, verifies every commitment, has all sign, opens the
 * order in one transaction. Until that transaction nothing is on chain but a deposit, and reservations expire.
 * @throws MemoError what `planUpload` throws, `FILE_CHANGED`, `STORE_DECLINED`, `NOT_ENOUGH_PROVIDERS`,
 * `UPLOAD_TOO_SLOW`, `CONTRACT_…`
 */
export async function storeSource(
  deps: StoreDeps,
  source: Source,
  options: StoreOptions,
): Promise<StoreResult> {
  const { view, account, transactor, random, journal } = deps;
  const signal = options.signal ?? new AbortController().signal;
  const replaced: Replacement[] = [];
  const onProgress: OnStoreProgress = (event) => {
    if (event.stage === "replaced") {
      const { slot, provider, code, reason } = event;
      replaced.push({ slot, provider, code, reason });
    }
    options.onProgress?.(event);
  };
  const root = await deps.root(signal);
  const plan = await planUpload(
    { view, random, account: account.address, roots: root.roots.length },
    source,
    options,
  );
  const { shown, draft } = plan;
  onProgress({ stage: "planned", ...shown });
  if (options.confirm && !(await options.confirm(shown))) {
    throw new MemoError("STORE_DECLINED", "Nothing was stored and nothing was spent.");
  }
  if (shown.deposit > 0n) {
    const transaction = await deposit(view, transactor, shown.deposit, signal);
    onProgress({ stage: "deposited", amount: shown.deposit, transaction });
  }

  const uploadId = bytesToHex(random(32));
  const entry = { uploadId, name: shown.name, openBy: Number(draft.openBy) };
  let doubt = false;
  await journal.write({ ...entry, step: "sending" });
  try {
    const upload = { uploadId, plan, root, compress: options.compress ?? true };
    const sent = await sendAll(deps, source, upload, onProgress, signal);
    const { order, signatures, payerSignature } = await signAll(deps, { ...upload, ...sent }, signal);
    const id = orderId(order);
    onProgress({ stage: "signed", orderId: id, providers: order.providers });
    // From here on only the chain knows whether the order was opened; the entry stays until it is looked up.
    await journal.write({ ...entry, step: "opening", orderId: id });
    doubt = true;
    const opened = await openOrder(deps, order, payerSignature, signatures, signal);
    doubt = false;
    onProgress({ stage: "opened", orderId: id, transaction: opened.hash, gas: opened.gasUsed });
    return {
      orderId: id,
      order,
      name: shown.name,
      bytes: source.size,
      slots: order.providers.length,
      stripes: order.stripes,
      shards: order.stripes * order.providers.length,
      replaced,
      transaction: opened.hash,
      gas: opened.gasUsed,
      cost: await view.cost(order),
    };
  } finally {
    if (!doubt) await journal.remove(uploadId);
  }
}
