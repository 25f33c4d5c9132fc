import type { Hex } from "viem";
import type { Operation } from "./manifestSchema.ts";

/** Operations of one order, in the place that the chain gave it among its owner's orders. */
export type OrderOperations = {
  readonly orderId: Hex;
  /** Sequence number of the opening event. */
  readonly orderSequence: number;
  readonly ops: readonly Operation[];
};

/** What a name stands for. */
export type NamedObject = { readonly name: string; readonly orderId: Hex; readonly objectId: Uint8Array };

/**
 * Plays all operations of an owner in the order of their namespace sequence (the chain's order breaks ties), so that
 * operations which were copied into a later order keep their place.
 */
export function replayNamespace(orders: readonly OrderOperations[]): Map<string, NamedObject> {
  const steps = orders.flatMap((order) => order.ops.map((operation) => ({ operation, order })));
  steps.sort(
    (a, b) => a.operation.sequence - b.operation.sequence || a.order.orderSequence - b.order.orderSequence,
  );
  const names = new Map<string, NamedObject>();
  for (const { operation, order } of steps) {
    if (operation.type === "put") {
      const { name, objectId } = operation;
      names.set(name, { name, objectId, orderId: order.orderId });
    } else if (operation.type === "delete") {
      names.delete(operation.name);
    } else {
      const moved = names.get(operation.from);
      if (!moved) continue;
      names.delete(operation.from);
      names.set(operation.to, { ...moved, name: operation.to });
    }
  }
  return names;
}
