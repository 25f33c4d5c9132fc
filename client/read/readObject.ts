import type { Hex } from "viem";
import type { Archive } from "./archive.ts";
import { type ByteRange, objectBytes, resolveRange } from "./objectStream.ts";

/** What to read: an order's first object, or a name of the owner. */
export type Reference = { readonly orderId: Hex } | { readonly name: string };

export type ReadOptions = { readonly range?: ByteRange; readonly signal?: AbortSignal };

export type ObjectRead = {
  readonly orderId: Hex;
  /** Plain bytes of the whole object. */
  readonly size: number;
  readonly range: { readonly from: number; readonly to: number };
  readonly stream: ReadableStream<Uint8Array>;
};

/** Opens an object as a web stream of plain bytes; cancelling it ends everything that is under way. */
export async function readObject(
  archive: Archive,
  reference: Reference,
  { range, signal }: ReadOptions = {},
): Promise<ObjectRead> {
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const found =
    "orderId" in reference
      ? await archive.byOrder(reference.orderId, either)
      : await archive.byName(reference.name, either);
  const { reader, body, extent, rootKey, orderId } = found;
  const span = resolveRange(extent.size, range);
  const bytes = objectBytes(reader, body, extent, rootKey, span, either);
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await bytes.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      stop.abort(reason);
      await bytes.return(undefined);
    },
  });
  return { orderId, size: extent.size, range: span, stream };
}
