import { mkdirSync, writeFileSync } from "node:fs";
import { hashStruct, hashTypedData } from "viem";
import { ALLOWANCE_TYPES, allowancesDomain } from "../../protocol/allowance.ts";
import { type Certificate, COMMIT_TYPES, settlementDomain } from "../../protocol/certificate.ts";
import { ORDER_TYPES, type Order, orderId, ordersDomain } from "../../protocol/order.ts";
import { addressOf, hashOf, vectorText } from "./material.ts";

/**
 * Writes test/vectors/eip712.json and payments.json: ids, digests and amounts that contracts and TypeScript must
 * agree on. Money is a decimal string, everything smaller a number.
 */
const TARGET = new URL("../../test/vectors/", import.meta.url);
const CHAIN_IDS = [31337, 1, 11155111];

function orderOf(index: number, slots: number): Order {
  const largest = index === 2;
  return {
    group: addressOf(`group ${index}`),
    owner: addressOf(`owner ${index}`),
    payer: addressOf(`payer ${index}`),
    providers: Array.from({ length: slots }, (_, slot) => (largest ? 0xffffffff - slot : slot * 7 + 1)),
    shardRoot: hashOf(`shard root ${index}`),
    stripes: largest ? 0xffffffff : index + 1,
    policy: slots === 1 ? 0x20100 : (1 << 16) | ((slots - 1) << 8) | 1,
    layout: index % 2,
    startEpoch: largest ? 0xfffffffe : 10,
    endEpoch: largest ? 0xffffffff : 375,
    price: largest ? 2n ** 128n - 1n : 429496729600n + BigInt(index),
    minEpochs: index,
    openBy: largest ? 2n ** 64n - 1n : 1_800_000_000n,
    manifest: {
      firstStripe: index,
      stripes: largest ? 0xffffffff : 1,
      length: largest ? 2n ** 64n - 1n : 1234n,
      digest: hashOf(`manifest ${index}`),
    },
    salt: hashOf(`salt ${index}`),
  };
}

function certificateOf(index: number): Certificate {
  const largest = index === 2;
  return {
    term: largest ? 0xffffffff : index,
    epoch: largest ? 0xffffffff : index * 100 + 3,
    round: index,
    resultsRoot: hashOf(`results ${index}`),
    exceptionsRoot: hashOf(`exceptions ${index}`),
    exceptions: largest ? 0xffffffff : index + 1,
    absent: largest ? 0xffffffff : index,
    leader: largest ? 31 : index,
  };
}

const orders = [1, 9, 32].map((slots, index) => {
  const order = orderOf(index, slots);
  const domain = ordersDomain(CHAIN_IDS[index]!, addressOf(`orders ${index}`));
  return {
    chainId: CHAIN_IDS[index],
    orders: addressOf(`orders ${index}`),
    order,
    id: orderId(order),
    digest: hashTypedData({ domain, types: ORDER_TYPES, primaryType: "Order", message: order }),
  };
});

const certificates = [0, 1, 2].map((index) => {
  const certificate = certificateOf(index);
  const settlement = addressOf(`settlement ${index}`);
  const message = { group: settlement, ...certificate };
  const domain = settlementDomain(CHAIN_IDS[index]!, settlement);
  return {
    chainId: CHAIN_IDS[index],
    settlement,
    certificate,
    structHash: hashStruct({ data: message, types: COMMIT_TYPES, primaryType: "Commit" }),
    digest: hashTypedData({ domain, types: COMMIT_TYPES, primaryType: "Commit", message }),
  };
});

/** Every field once at its largest. */
const allowances = [0, 1, 2].map((index) => {
  const largest = index === 2;
  const chainId = CHAIN_IDS[index]!;
  const contract = addressOf(`allowances ${index}`);
  const [amount, time] = largest
    ? [2n ** 128n - 1n, 2n ** 64n - 1n]
    : [10n ** 18n + BigInt(index), 1_800_000_000n];
  const payer = addressOf(`payer ${index}`);
  const nonce = largest ? 2n ** 256n - 1n : BigInt(index);
  const messages = {
    ApproveAgent: {
      ...{ payer, agent: addressOf(`agent ${index}`), budget: amount, expiresAt: time, nonce },
      deadline: time - 1n,
    },
    SetRenewal: {
      ...{ payer, orderId: hashOf(`order ${index}`), maxPrice: amount, epochs: largest ? 0xffffffff : 365 },
      ...{ times: largest ? 0xffff : index + 1, nonce, deadline: time - 1n },
    },
    Voucher: {
      ...{ payer, providerId: largest ? 0xffffffff : index + 1, channel: largest ? time : BigInt(index) },
      ...{ total: amount, expiresAt: time },
    },
  };
  const domain = allowancesDomain(chainId, contract);
  return {
    ...{ chainId, allowances: contract },
    signed: (["ApproveAgent", "SetRenewal", "Voucher"] as const).map((primaryType) => ({
      type: primaryType,
      message: messages[primaryType],
      structHash: hashStruct({ data: messages[primaryType], types: ALLOWANCE_TYPES, primaryType }),
      digest: hashTypedData({
        ...{ domain, types: ALLOWANCE_TYPES, primaryType, message: messages[primaryType] },
      } as Parameters<typeof hashTypedData>[0]),
    })),
  };
});

/** Design §8, as whole numbers: 100 parts to providers, 4 to keepers, 1 to the treasury, per 2^32 shard-epochs. */
const payments = [
  { price: 429496729600n, stripes: 1n, slots: 1n },
  { price: 429496729601n, stripes: 3n, slots: 9n },
  { price: 4_294_967_296_000_000_000_000_007n, stripes: 1003n, slots: 20n },
  { price: 10n ** 36n, stripes: 2n ** 32n - 1n, slots: 32n },
].flatMap(({ price, stripes, slots }) =>
  [0n, 1n, 2n, 365n, 16_384n].map((epochs) => {
    const rate = price * stripes;
    return {
      rate: String(rate),
      slots: Number(slots),
      epochs: Number(epochs),
      provider: String((rate * epochs) / 2n ** 32n),
      keepers: String((slots * rate * epochs * 4n) / (100n * 2n ** 32n)),
      treasury: String((slots * rate * epochs) / (100n * 2n ** 32n)),
    };
  }),
);

const vectors = { eip712: { orders, certificates, allowances }, payments };
mkdirSync(TARGET, { recursive: true });
for (const [name, cases] of Object.entries(vectors)) {
  writeFileSync(new URL(`${name}.json`, TARGET), vectorText(cases));
}
process.stdout.write(`vectors: ${Object.keys(vectors).join(", ")}\n`);
