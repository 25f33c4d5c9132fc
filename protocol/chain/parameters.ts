import type { Address } from "viem";
import { z } from "zod";

export const addressText = z.custom<Address>(
  (value) => typeof value === "string" && /^0x[0-9a-fA-F]{40}$/.test(value),
  "expected an address",
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
});

export type GroupParameters = z.output<typeof groupParametersSchema>;
