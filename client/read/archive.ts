import { bytesToHex, type Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { decodeManifestFile, openManifest } from "../../protocol/object/manifest.ts";
import type { Extent, ManifestBody } from "../../protocol/object/manifestSchema.ts";
import { replayNamespace } from "../../protocol/object/namespace.ts";
import type { GroupView, OpenedOrder } from "../chain/groupView.ts";
import type { Keyring } from "../keyring.ts";
import { createOrderReader, type OrderReader, type OrderReaderDeps } from "./orderReader.ts";

/** One object of an order, ready to be read. */
export type FoundObject = {
  readonly orderId: Hex;
  readonly reader: OrderReader;
  readonly body: ManifestBody;
  readonly extent: Extent;
  readonly rootKey: Uint8Array;
};

/** A name of the owner and what it stands for. */
export type ListedObject = {
  readonly name: string;
  readonly orderId: Hex;
  /** Plain bytes. */
  readonly bytes: number;
  /** Unix seconds (chain time). */
  readonly storedAt: number;
};

/** An order whose manifest could not be read. */
export type UnreadableOrder = { readonly orderId: Hex; readonly code: string; readonly reason: string };

export type Listing = {
  readonly objects: readonly ListedObject[];
  /** What these orders say about names is missing in `objects`. */
  readonly unreadable: readonly UnreadableOrder[];
};

/** What an owner has stored, read from nothing but chain and network. */
export type Archive = {
  list(signal: AbortSignal): Promise<Listing>;
  /** @throws ORDER_NOT_FOUND, ORDER_EMPTY, ROOT_KEY_LOCKED, TOO_FEW_SHARDS, … */
  byOrder(orderId: Hex, signal: AbortSignal): Promise<FoundObject>;
  /** @throws NAME_NOT_FOUND */
  byName(name: string, signal: AbortSignal): Promise<FoundObject>;
  /** Unlocks the root key of the newest readable order, so that new orders use the same one. */
  adoptRoot(signal: AbortSignal): Promise<void>;
};

type OpenOrder = { opened: OpenedOrder; reader: OrderReader; body: ManifestBody; rootKey: Uint8Array };

const sameId = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

export function createArchive(
  deps: OrderReaderDeps & { view: GroupView; keyring: Keyring; owner: `0x${string}` },
): Archive {
  const { view, keyring, owner } = deps;
  const read = new Map<Hex, Promise<OpenOrder>>();

  async function openOrder(opened: OpenedOrder, signal: AbortSignal): Promise<OpenOrder> {
    const reader = createOrderReader(deps, opened);
    const file = decodeManifestFile(await reader.manifest(signal));
    const { rootKey } = await keyring.unlock(file.roots);
    const body = openManifest(file, rootKey);
    if (body.policy !== opened.order.policy) {
      throw new MemoError("MANIFEST_INVALID", "The manifest is of another policy than its order.", {
        details: { orderId: opened.id },
      });
    }
    return { opened, reader, body, rootKey };
  }

  /** Manifests never change, so each is read once; failures are not kept. */
  function openOnce(opened: OpenedOrder, signal: AbortSignal): Promise<OpenOrder> {
    const known = read.get(opened.id);
    if (known) return known;
    const opening = openOrder(opened, signal);
    read.set(opened.id, opening);
    opening.catch(() => read.delete(opened.id));
    return opening;
  }

  function find(order: OpenOrder, objectId: Uint8Array | undefined): FoundObject {
    const extent = objectId
      ? order.body.extents.find((candidate) => sameId(candidate.objectId, objectId))
      : order.body.extents[0];
    if (!extent) {
      throw new MemoError("ORDER_EMPTY", `Order ${order.opened.id} holds no such object.`, {
        details: { orderId: order.opened.id, objectId: objectId && bytesToHex(objectId) },
      });
    }
    const { reader, body, rootKey } = order;
    return { orderId: order.opened.id, reader, body, extent, rootKey };
  }

  /** Whether providers are still paid to hold an order. What has ended may be gone, and nothing is amiss then. */
  async function isAlive(orderId: Hex): Promise<boolean> {
    const [state, epochs] = await Promise.all([view.orderState(orderId), view.epochs()]);
    return state.status === "open" && epochs.now < state.endEpoch;
  }

  async function namespace(signal: AbortSignal) {
    const orders = await view.ordersOf(owner);
    const results = await Promise.allSettled(orders.map((order) => openOnce(order, signal)));
    signal.throwIfAborted();
    const readable = new Map<Hex, OpenOrder>();
    const unreadable: UnreadableOrder[] = [];
    for (const [index, result] of results.entries()) {
      const { id } = orders[index]!;
      if (result.status === "fulfilled") readable.set(id, result.value);
      else if (!(result.reason instanceof MemoError)) throw result.reason;
      else if (await isAlive(id)) {
        unreadable.push({ orderId: id, code: result.reason.code, reason: result.reason.message });
      }
    }
    const names = replayNamespace(
      [...readable.values()].map(({ opened, body }) => ({
        orderId: opened.id,
        orderSequence: opened.sequence,
        ops: body.ops,
      })),
    );
    return { names, readable, unreadable };
  }

  return {
    async list(signal) {
      const { names, readable, unreadable } = await namespace(signal);
      const objects = [...names.values()].map(({ name, orderId, objectId }) => {
        const { extent } = find(readable.get(orderId)!, objectId);
        return { name, orderId, bytes: extent.size, storedAt: extent.storedAt };
      });
      objects.sort((a, b) => (a.name < b.name ? -1 : 1));
      return { objects, unreadable };
    },

    async byOrder(orderId, signal) {
      return find(await openOnce(await view.order(orderId), signal), undefined);
    },

    async byName(name, signal) {
      const { names, readable, unreadable } = await namespace(signal);
      const named = names.get(name);
      if (named) return find(readable.get(named.orderId)!, named.objectId);
      const hint =
        unreadable.length > 0 ? ` ${unreadable.length} orders could not be read and may hold it.` : "";
      throw new MemoError(
        "NAME_NOT_FOUND",
        `Nothing is stored under the name ${JSON.stringify(name)}.${hint}`,
        {
          details: { name, unreadable: unreadable.map((order) => order.orderId) },
        },
      );
    },

    async adoptRoot(signal) {
      const orders = await view.ordersOf(owner);
      for (const order of orders.toReversed().slice(0, 3)) {
        try {
          await openOnce(order, signal);
          return;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof MemoError)) throw error;
        }
      }
    },
  };
}
