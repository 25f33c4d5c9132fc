import type { Address } from "viem";
import { bytesToHex } from "viem";
import { epochAt, epochStart } from "../../protocol/chain/epochs.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RandomBytes } from "../../protocol/object/envelope.ts";
import { nameSchema } from "../../protocol/object/manifestSchema.ts";
import { encodePolicy, formatPolicy, type Policy, parsePolicy } from "../../protocol/object/policy.ts";
import { LAYOUT, type Order } from "../../protocol/order.ts";
import type { GroupView } from "../chain/groupView.ts";
import { depositFor } from "../orders/payment.ts";
import { mostManifestBytes } from "./buildManifest.ts";
import { createProviderPool, type ProviderPool } from "./chooseProviders.ts";
import { mostStripes } from "./production.ts";
import type { StorePlan } from "./progress.ts";
import type { Source } from "./source.ts";
import type { StoreOptions } from "./storeOptions.ts";

/** Everything about an upload that is settled before the first byte is read. */
export type UploadPlan = {
  readonly shown: StorePlan;
  readonly policy: Policy;
  readonly pool: ProviderPool;
  /** Chain time (seconds) at which it was planned. */
  readonly now: number;
  /** The order but for its data: providers, root, stripes, manifest and salt are placeholders. */
  readonly draft: Order;
};

/** Assumed pace of an upload, for the default of `startIn`. */
const BYTES_PER_SECOND = 1_000_000;
const SETUP_SECONDS = 30;

function nameOf(source: Source, options: StoreOptions): string {
  const parsed = nameSchema.safeParse(options.name ?? source.name ?? "");
  if (parsed.success) return parsed.data;
  throw new MemoError("NAME_INVALID", `The name ${parsed.error.issues[0]!.message}. Give another one.`, {
    details: { name: options.name ?? source.name },
  });
}

function terms(view: GroupView, now: number, size: number, options: StoreOptions) {
  const { parameters } = view.group;
  const { epochLength } = parameters;
  const seconds = SETUP_SECONDS + size / BYTES_PER_SECOND;
  const startIn = options.startIn ?? 1 + Math.ceil(seconds / epochLength);
  if (!Number.isInteger(options.epochs) || options.epochs < 1 || !Number.isInteger(startIn) || startIn < 1) {
    throw new MemoError("EPOCHS_INVALID", "epochs and startIn are whole numbers from 1.", {
      details: { epochs: options.epochs, startIn },
    });
  }
  const startEpoch = epochAt(parameters, now) + startIn;
  return {
    startEpoch,
    endEpoch: startEpoch + options.epochs,
    openBy: BigInt(epochStart(parameters, startEpoch)),
  };
}

/** Price at which at least n providers are available: the n-th smallest ask, and never below the group's minimum. */
function priceFor(
  asks: readonly bigint[],
  minPrice: bigint,
  policy: Policy,
  maxPrice: bigint | undefined,
): bigint {
  const sorted = asks.toSorted((a, b) => Number(a - b > 0n) - Number(a - b < 0n));
  // With spares at the same price a failing provider can be replaced.
  const wanted = sorted[Math.min(sorted.length - 1, policy.n + policy.m - 1)] ?? minPrice;
  const price = wanted < minPrice ? minPrice : wanted;
  if (maxPrice === undefined || price <= maxPrice) return price;
  if (maxPrice < minPrice) {
    throw new MemoError(
      "PRICE_TOO_LOW",
      `The group's lowest price is ${minPrice}; raise the limit of ${maxPrice}.`,
      {
        details: { maxPrice, minPrice },
      },
    );
  }
  return maxPrice;
}

/**
 * Settles name, policy, epochs, price, candidates and cost of an upload.
 * @throws MemoError `NAME_INVALID`, `POLICY_INVALID`, `EPOCHS_INVALID`, `PRICE_TOO_LOW`, `NOT_ENOUGH_PROVIDERS` and what
 * `depositFor` throws
 */
export async function planUpload(
  deps: { view: GroupView; random: RandomBytes; account: Address; roots: number },
  source: Source,
  options: StoreOptions,
): Promise<UploadPlan> {
  const { view, random, account } = deps;
  const payer = options.asAgentOf ?? account;
  const name = nameOf(source, options);
  const policy = parsePolicy(options.policy ?? "rs(6,3)");
  const [now, members] = await Promise.all([view.now(), view.members()]);
  // Who is leaving would hand its slots on as soon as it had them, and who is jailed cannot take any.
  const epochNow = epochAt(view.group.parameters, now);
  const providers = [...members.providers.values()].filter(
    ({ exiting, jailedUntil }) => !exiting && jailedUntil <= epochNow,
  );
  const epochs = terms(view, now, source.size, options);
  const asks = providers.map((provider) => provider.ask);
  const price = priceFor(asks, view.group.parameters.minPrice, policy, options.maxPrice);
  const pool = createProviderPool({ providers, policy, maxPrice: price, random });
  const stripes = mostStripes(source.size, policy, (data, segments) =>
    mostManifestBytes({ name, policy, roots: deps.roots, stripes: data, segments }),
  );
  const placeholder = bytesToHex(random(32));
  const draft: Order = {
    group: view.group.settlement,
    owner: account,
    payer,
    providers: Array.from({ length: policy.n }, (_, slot) => slot + 1),
    shardRoot: placeholder,
    stripes,
    policy: encodePolicy(policy),
    layout: LAYOUT.packed31,
    ...epochs,
    price,
    minEpochs: options.minEpochs ?? 0,
    manifest: { firstStripe: 0, stripes: 1, length: 1n, digest: placeholder },
    salt: placeholder,
  };
  const cost = await view.cost(draft);
  const shown: StorePlan = {
    name,
    bytes: source.size,
    policy: formatPolicy(policy),
    shards: stripes * policy.n,
    startEpoch: epochs.startEpoch,
    endEpoch: epochs.endEpoch,
    price,
    cost,
    deposit: await depositFor(view, account, payer, cost, options.deposit ?? true),
    payer,
  };
  return { shown, policy, pool, now, draft };
}
