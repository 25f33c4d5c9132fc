import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Address,
  bytesToBigInt,
  concatHex,
  type Hex,
  hexToBigInt,
  hexToBytes,
  keccak256,
  numberToHex,
  stringToHex,
} from "viem";
import { type HDAccount, privateKeyToAccount } from "viem/accounts";
import type { Order } from "../../../protocol/order.ts";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { artifactAbi } from "../../support/contracts/factory.ts";
import { createGroup, type Group, TOKENS } from "../../support/contracts/group.ts";
import { compact, signCommit, signOrder, signOrderAll } from "../../support/contracts/signing.ts";

const ORDER_OF_CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HALF = ORDER_OF_CURVE / 2n;
const ECRECOVER: Address = "0x0000000000000000000000000000000000000001";
const hex = (value: bigint): Hex => numberToHex(value, { size: 32 });
const named = (name: string): Hex => keccak256(stringToHex(name));

let group: Group;
before(async () => {
  group = await createGroup({ keepers: 7, providers: 4 });
  await group.onOrders("deposit", [100_000n * TOKENS]);
});
after(() => group.chain.close());

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % ORDER_OF_CURVE;
    square = (square * square) % ORDER_OF_CURVE;
  }
  return result;
}

/** A key, and a signature of `digest` by it whose s is the given one: s = (digest + r·key) / nonce. */
function signatureWith(s: bigint, digest: Hex) {
  const nonce = hexToBigInt(named("nonce")) % ORDER_OF_CURVE;
  const point = hexToBytes(privateKeyToAccount(hex(nonce)).publicKey);
  const r = bytesToBigInt(point.slice(1, 33));
  const parity = point[64]! & 1;
  const z = hexToBigInt(digest) % ORDER_OF_CURVE;
  const key =
    ((((s * nonce - z) % ORDER_OF_CURVE) + ORDER_OF_CURVE) * power(r, ORDER_OF_CURVE - 2n)) % ORDER_OF_CURVE;
  const short = concatHex([hex(r), hex(s | (BigInt(parity) << 255n))]);
  return { signer: privateKeyToAccount(hex(key)).address, r, s, v: 27 + parity, short };
}

test("an s above half of the curve's order is nobody's signature, though the curve would take it", async () => {
  const harness = await group.chain.deploy("LibraryHarness");
  const abi = await artifactAbi("LibraryHarness");
  const digest = named("digest");
  const recover = async (short: Hex) =>
    await group.chain.read<Address>(harness, abi, "recover", [digest, short, 0n]);
  const low = signatureWith(HALF, digest);
  assert.equal(await recover(low.short), low.signer);
  const high = signatureWith(HALF + 1n, digest);
  const { data } = await group.chain.publicClient.call({
    to: ECRECOVER,
    data: concatHex([digest, hex(BigInt(high.v)), hex(high.r), hex(high.s)]),
  });
  assert.equal(`0x${data!.slice(26)}`, high.signer.toLowerCase(), "the precompile itself takes it");
  assert.equal(hexToBigInt(await recover(high.short)), 0n);
});

test("votes of 65 bytes, twins, zeros and votes in another order certify nothing", async () => {
  await group.toEpoch(1);
  const it = group.certificate(1);
  const [bits, votes] = await group.signatures(it, [0, 1, 2, 3, 4]);
  const certify = (signatures: Hex, signers = bits) =>
    group.onSettlement("certify", [it, signers, signatures]);
  const vote = (index: number): Hex => `0x${votes.slice(2 + 128 * index, 2 + 128 * (index + 1))}`;
  const vs = hexToBigInt(`0x${vote(0).slice(66)}`);
  const s = vs & ((1n << 255n) - 1n);
  const flipped = concatHex([`0x${vote(0).slice(2, 66)}`, hex(vs ^ (1n << 255n))]);
  // The twin's s has 256 bits: its top bit takes the parity's place.
  const twin = concatHex([`0x${vote(0).slice(2, 66)}`, hex(ORDER_OF_CURVE - s)]);
  const rest: Hex = `0x${votes.slice(130)}`;
  for (const forged of [flipped, twin, concatHex([hex(0n), hex(0n)]), concatHex([hex(1n), hex(0n)])]) {
    await rejectsWith(certify(concatHex([forged, rest])), "SignatureInvalid");
  }
  await rejectsWith(certify(concatHex([vote(1), vote(0), ...[2, 3, 4].map(vote)])), "SignatureInvalid");
  await rejectsWith(certify(concatHex([votes, "0x1b"])), "SignaturesLength", [321n, 320n]);
  await rejectsWith(certify(votes.slice(0, -2) as Hex), "SignaturesLength", [319n, 320n]);
  // A member that did not sign is named: an invalid signature gives the zero address, which is no member's.
  await rejectsWith(certify(concatHex([hex(0n), hex(0n), rest]), bits), "SignatureInvalid");
  await certify(votes);
});

test("a payer's signature has one form of 64 and one of 65 bytes", async () => {
  const order = await group.order({ salt: named("forms"), policy: (1 << 16) | (3 << 8) | 1 });
  const long = await signOrder(group.place, order, group.user);
  const [rs, v] = [long.slice(0, 130) as Hex, Number.parseInt(long.slice(130), 16)];
  const refuse = (payer: Hex) => rejectsWith(group.open(order, { payer }), "PayerSignatureInvalid");
  for (const wrong of [0, 1, v === 27 ? 28 : 27, 29, 30, 255]) {
    await refuse(concatHex([rs, numberToHex(wrong, { size: 1 })]));
  }
  await refuse(concatHex([long, "0x00"]));
  await refuse(concatHex([compact(long), "0x0000"]));
  await refuse(`0x${"00".repeat(65)}`);
  await refuse(`0x${"00".repeat(64)}`);
  await group.open(order, { payer: compact(long) });
});

/** Gives an account code besides its key (EIP-7702): that of a wallet that signs what it was told to approve. */
async function delegate(account: HDAccount): Promise<{ approve: (digest: Hex) => Promise<unknown> }> {
  const wallet = await group.chain.deploy("ContractWallet");
  await group.chain.helpers.setCode(account.address, concatHex(["0xef0100", wallet]));
  const abi = await artifactAbi("ContractWallet");
  return {
    approve: async (digest) =>
      await group.chain.send({
        address: account.address,
        abi,
        functionName: "approveDigest",
        args: [digest],
      }),
  };
}

const drafts = async (salt: string): Promise<Order> =>
  await group.order({ salt: named(salt), policy: (1 << 16) | (3 << 8) | 1 });
const digestOf = async (order: Order) => await group.read.orders<Hex>("orderDigest", [order]);

test("a payer with code and a key pays by either, and by nobody else's signature", async () => {
  const wallet = await delegate(group.user);
  assert.ok(
    (await group.chain.publicClient.getCode({ address: group.user.address }))!.startsWith("0xef0100"),
  );
  await group.open(await drafts("by its key"));
  const order = await drafts("by its code");
  const foreign = await signOrder(group.place, order, group.owner);
  await rejectsWith(group.open(order, { payer: foreign }), "PayerSignatureInvalid");
  await wallet.approve(await digestOf(order));
  await group.open(order, { payer: "0x" });
  await group.chain.helpers.setCode(group.user.address, "0x");
});

test("an operator's code says nothing for its provider: only its key signs orders", async () => {
  const operator = testAccount(3);
  const wallet = await delegate(operator);
  const order = await drafts("operator");
  await wallet.approve(await digestOf(order));
  const others = [4, 5, 6].map(testAccount);
  const forged = await signOrderAll(group.place, order, [testAccount(55), ...others]);
  await rejectsWith(group.open(order, { providers: forged }), "ProviderSignatureInvalid");
  const empty = concatHex([`0x${"00".repeat(64)}`, await signOrderAll(group.place, order, others)]);
  await rejectsWith(group.open(order, { providers: empty }), "ProviderSignatureInvalid");
  await group.open(order);
});

test("a keeper's code says nothing for its votes: only its key does", async () => {
  const { account } = group.keepers[0]!;
  const wallet = await delegate(account);
  await group.toEpoch(2);
  const it = group.certificate(2);
  await wallet.approve(await group.read.settlement<Hex>("commitDigest", [it]));
  const [bits, votes] = await group.signatures(it, [0, 1, 2, 3, 4]);
  const foreign = concatHex([await signCommit(group.place, it, testAccount(55)), `0x${votes.slice(130)}`]);
  await rejectsWith(group.onSettlement("certify", [it, bits, foreign]), "SignatureInvalid");
  await group.onSettlement("certify", [it, bits, votes]);
});
