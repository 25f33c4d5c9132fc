import { type Address, bytesToHex, getAddress, type Hex, hexToBytes } from "viem";
import { z } from "zod";
import { MAX_SLOTS } from "../constants.ts";
import type { Order } from "../order.ts";

// Each codec has two sides: what travels (dag-cbor: bytes, integers, text) and what the program holds
// (Hex, Address, bigint). `z.encode` makes the one of the other and checks both.

/** Byte string of min…max bytes. */
export function bytesCodec(min: number, max: number = min) {
  return z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length >= min && value.length <= max,
    min === max ? `expected ${min} bytes` : `expected ${min} to ${max} bytes`,
  );
}

const hexText = (length: number) =>
  z.custom<Hex>(
    (value) => typeof value === "string" && value.length === 2 + 2 * length && /^0x[0-9a-f]*$/i.test(value),
    `expected ${length} bytes as hex`,
  );

/** Fixed number of bytes, held as lower-case Hex. */
function hexCodec(length: number) {
  return z.codec(bytesCodec(length), hexText(length), {
    decode: (bytes) => bytesToHex(bytes),
    encode: (hex) => hexToBytes(hex),
  });
}

/** 32 bytes: order ids, roots, digests, nonces. */
export const bytes32 = hexCodec(32);

/** 20 bytes, held as checksummed address. */
export const address = z.codec(bytesCodec(20), hexText(20), {
  decode: (bytes): Address => getAddress(bytesToHex(bytes)),
  encode: (hex) => hexToBytes(hex),
});

/** Compact EIP-2098 signature, 64 bytes. */
export const compactSignature = hexCodec(64);

/** Most bytes of a signature that a contract judges. */
const MOST_SIGNATURE = 4_096;

/** Signature of a payer, which may be a contract: held as lower-case Hex. */
export const payerSignature = z.codec(
  bytesCodec(1, MOST_SIGNATURE),
  z.custom<Hex>(
    (value) => typeof value === "string" && /^0x([0-9a-f]{2}){1,4096}$/i.test(value),
    `expected 1 to ${MOST_SIGNATURE} bytes as hex`,
  ),
  { decode: (bytes) => bytesToHex(bytes), encode: (hex) => hexToBytes(hex) },
);

/** Unsigned integer below 2^bits, as the fewest big-endian bytes (none for zero). */
function uintCodec(bits: number) {
  const most = bits / 8;
  return z.codec(
    bytesCodec(0, most),
    z
      .bigint()
      .min(0n)
      .max((1n << BigInt(bits)) - 1n),
    {
      decode: (bytes, context) => {
        if (bytes[0] !== 0) return bytes.length === 0 ? 0n : BigInt(bytesToHex(bytes));
        context.issues.push({ code: "custom", message: "integer has leading zero bytes", input: bytes });
        return z.NEVER;
      },
      encode: (value) => {
        if (value === 0n) return new Uint8Array(0);
        const digits = value.toString(16);
        return hexToBytes(`0x${digits.length % 2 === 0 ? digits : `0${digits}`}`);
      },
    },
  );
}

export const uint128 = uintCodec(128);
export const uint64 = uintCodec(64);

/** Epochs, ids, stripes. */
export const uint32 = z.int().min(0).max(0xffff_ffff);
/** Unix seconds. */
export const seconds = z.int().min(0);
export const slotIndex = z
  .int()
  .min(0)
  .max(MAX_SLOTS - 1);
/** Short text such as error messages and domains. */
export const shortText = z.string().max(256);

/** An order as it travels. */
export const orderCodec = z.strictObject({
  group: address,
  owner: address,
  payer: address,
  providers: z.array(uint32).min(1).max(MAX_SLOTS).readonly(),
  shardRoot: bytes32,
  stripes: uint32,
  policy: uint32,
  layout: z.int().min(0).max(255),
  startEpoch: uint32,
  endEpoch: uint32,
  price: uint128,
  minEpochs: uint32,
  openBy: uint64,
  manifest: z.strictObject({
    firstStripe: uint32,
    stripes: uint32,
    length: uint64,
    digest: bytes32,
  }),
  salt: bytes32,
}) satisfies z.ZodType<Order>;

/**
 * Right to read the shards of an order: EIP-712 `ReadCapability`, signed by the order's owner under the
 * domain of `StorageOrders`.
 */
export const capabilityCodec = z.strictObject({
  orderId: bytes32,
  /** Zero address: whoever bears it. */
  reader: address,
  expires: uint64,
  signature: compactSignature,
});

export type ReadCapability = z.output<typeof capabilityCodec>;

export const READ_CAPABILITY_TYPES = {
  ReadCapability: [
    { name: "orderId", type: "bytes32" },
    { name: "reader", type: "address" },
    { name: "expires", type: "uint64" },
  ],
} as const;
