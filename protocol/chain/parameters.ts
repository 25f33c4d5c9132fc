import { type Address, concatHex, type Hex, hexToBytes, numberToHex } from "viem";
import { z } from "zod";

export const addressText = z.custom<Address>(
  (value) => typeof value === "string" && /^0x[0-9a-fA-F]{40}$/.test(value),
  "expected an address",
);
const bytes32Text = z.custom<Hex>(
  (value) => typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value),
  "expected 32 bytes as hex",
);
const whole = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const money = z
  .union([z.bigint(), z.string().regex(/^\d+$/, "expected a decimal number"), z.int().min(0)])
  .transform((value) => BigInt(value));

/**
 * `GroupParameters` of a group, as its contracts fix them. Times are seconds of chain time, money is token
 * wei; reads decimal strings (deployment file) as well as what an event or a view returns.
 */
export const groupParametersSchema = z.object({
  token: addressText,
  treasury: addressText,
  genesis: whole,
  epochLength: whole.min(1),
  seedDelay: whole,
  answerWindow: whole,
  applyWindow: whole,
  applyWindowBlocks: whole,
  payerDelay: whole,
  unbondingDelay: whole,
  confirmations: whole,
  maxGap: whole,
  samples: whole.min(1),
  termLength: whole.min(1),
  minKeeperStake: money,
  minProviderStake: money,
  collateralPerShard: money,
  minPrice: money,
  appealWindow: whole,
  appealWindowBlocks: whole,
  protectionEpochs: whole,
  evictionCap: whole,
  /** Native wei. */
  challengeBond: money,
  repairBonusPerShard: money,
  /** Packed; see `thresholdsOf`. */
  repairThresholds: bytes32Text,
  offerEpochs: whole,
  offerExpiries: whole,
  coolOffEpochs: whole,
  freezeShare: whole,
  freezeEpochs: whole,
  repairBudget: whole,
  rejoinEpochs: whole,
  lockShare: whole,
  blobAnswers: z.boolean(),
});

export type GroupParameters = z.output<typeof groupParametersSchema>;

/** The whole, in parameters that are shares: hundredths of a percent. */
export const FULL_SHARE = 10_000n;

/** Numbers in `repairThresholds`. */
const THRESHOLDS = 16;

/** U_0, U_1, … of `repairThresholds`: epochs to wait while that many spare parities are left. */
export function thresholdsOf(packed: Hex): readonly number[] {
  const view = new DataView(hexToBytes(packed).buffer);
  return Array.from({ length: THRESHOLDS }, (_, index) => view.getUint16(2 * index));
}

/** `repairThresholds` of U_0, U_1, …; the last one is repeated. */
export function packThresholds(thresholds: readonly [number, ...number[]]): Hex {
  const last = thresholds.at(-1)!;
  const all = Array.from({ length: THRESHOLDS }, (_, index) => thresholds[index] ?? last);
  return concatHex(all.map((threshold) => numberToHex(threshold, { size: 2 })));
}
