import { readFile } from "node:fs/promises";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { COMMITMENT_BYTES, SHARD_BYTES } from "../../../protocol/constants.ts";
import { buildAnswer } from "../../../protocol/disputes/answer.ts";
import { appealPoint } from "../../../protocol/disputes/draw.ts";
import { embeddedAccount } from "../../embedded/accounts.ts";
import { sendRefused } from "../../embedded/calls.ts";
import type { OrderLink } from "./orderLink.ts";
import { type Play, senderOf, targetsOf } from "./play.ts";
import type { LostRecord } from "./repair.ts";

/**
 * The cheater appeals although it has not got the shards that are drawn: it opens another shard at the drawn point.
 * @returns how the contract refused
 */
export async function appealInVain(
  play: Play,
  link: OrderLink,
  record: LostRecord,
  kept: readonly string[],
): Promise<string> {
  const { network, terminal, cast, file, kzg } = play;
  const { chain, deployment, group } = network;
  const { providerId, epoch, part, entries, draw } = record;
  const drawn = await chain.publicClient.readContract({
    address: group.disputes,
    abi: disputesAbi,
    functionName: "drawnShards",
    args: [providerId, epoch, part, entries],
  });
  const { slots, tree } = await link.commitments(file.order, cast.challenged);
  // Bytes that it does hold, or none at all.
  const wrong = kept[0] === undefined ? new Uint8Array(SHARD_BYTES) : new Uint8Array(await readFile(kept[0]));
  const answers = await Promise.all(
    drawn.map(({ index, stripe }) => {
      const { orderId, slot } = entries[index] ?? { orderId: file.orderId, slot: 0 };
      const at = stripe * COMMITMENT_BYTES;
      const commitment = slots[slot]?.subarray(at, at + COMMITMENT_BYTES) ?? new Uint8Array(COMMITMENT_BYTES);
      const place = { orderId, slot, stripe };
      const point = appealPoint({ chainId: deployment.chainId, disputes: group.disputes, draw, ...place });
      return buildAnswer({ order: file.order, slot, stripe, shard: wrong, tree, commitment, point, kzg });
    }),
  );
  const refusal = await sendRefused(senderOf(network), {
    ...targetsOf(network).disputes,
    account: embeddedAccount("provider operator", cast.cheater),
    functionName: "appeal",
    args: [providerId, epoch, part, entries, answers],
  });
  const { index = 0, stripe = 0 } = drawn[0] ?? {};
  const slot = entries[index]?.slot ?? 0;
  terminal.step(
    `provider ${cast.cheater} appeals with other bytes for the drawn shard (slot ${slot}, stripe ${stripe}): ` +
      `the contract refuses (${refusal.replace("CONTRACT_", "")})`,
  );
  terminal.note(`the point it had to open follows from blocks after the certificate: ${draw.slice(0, 18)}…`);
  return refusal;
}
