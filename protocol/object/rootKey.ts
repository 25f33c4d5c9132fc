import { z } from "zod";
import { MemoError } from "../errors.ts";
import { bytes } from "./bytesSchema.ts";
import { deriveKey, openEnvelope, type RandomBytes, sealEnvelope } from "./envelope.ts";
import { phraseSecret } from "./recoveryPhrase.ts";

/** Version of {@link WrappedRoot}; newer ones are refused by name. */
export const WRAPPED_ROOT_VERSION = 1;

/** A root key locked by a wallet or by a recovery phrase. It stands in the clear in every manifest header. */
export const wrappedRootSchema = z.strictObject({
  v: z.literal(WRAPPED_ROOT_VERSION),
  /** What unlocks it. */
  by: z.enum(["wallet", "phrase"]),
  /** Tells which root key this is without telling the key. */
  rootId: bytes(16),
  /** Chain id in the domain of the wallet's signature; 0 for phrases. */
  chainId: z.int().min(0),
  salt: bytes(32),
  sealed: bytes(32 + 28),
});

export type WrappedRoot = z.infer<typeof wrappedRootSchema>;

/** What unlocks a root key: the signature of a wallet (see `walletSecret`) or the words of a recovery phrase. */
export type Unlocker =
  | { readonly by: "wallet"; readonly chainId: number; readonly secret: Uint8Array }
  | { readonly by: "phrase"; readonly phrase: string };

const LABEL = "root key";

/** 32 random bytes that wrap the keys of a user's objects. */
export function createRootKey(random: RandomBytes): Uint8Array {
  return random(32);
}

/** Name of a root key: 16 bytes that tell nothing about it. */
export function rootIdOf(rootKey: Uint8Array): Uint8Array {
  return deriveKey(rootKey, "memo/root-id/v1").slice(0, 16);
}

async function wrappingKey(unlocker: Unlocker, salt: Uint8Array): Promise<Uint8Array> {
  if (unlocker.by === "wallet") return deriveKey(unlocker.secret, "memo/root-key/wallet/v1", salt);
  return deriveKey(await phraseSecret(unlocker.phrase, salt), "memo/root-key/phrase/v1", salt);
}

/** Locks a root key. */
export async function wrapRootKey(
  rootKey: Uint8Array,
  unlocker: Unlocker,
  random: RandomBytes,
): Promise<WrappedRoot> {
  const salt = random(32);
  const rootId = rootIdOf(rootKey);
  const key = await wrappingKey(unlocker, salt);
  const sealed = sealEnvelope(rootKey, { key, label: LABEL, binding: rootId, random });
  const chainId = unlocker.by === "wallet" ? unlocker.chainId : 0;
  return { v: WRAPPED_ROOT_VERSION, by: unlocker.by, rootId, chainId, salt, sealed };
}

/**
 * Unlocks the first envelope that the unlocker fits.
 * @throws MemoError `ROOT_KEY_LOCKED` when none fits or opens
 */
export async function unwrapRootKey(roots: readonly WrappedRoot[], unlocker: Unlocker): Promise<Uint8Array> {
  for (const root of roots) {
    if (root.by !== unlocker.by) continue;
    const key = await wrappingKey(unlocker, root.salt);
    try {
      return openEnvelope(root.sealed, { key, label: LABEL, binding: root.rootId });
    } catch (error) {
      if (!(error instanceof MemoError && error.code === "ENVELOPE_INVALID")) throw error;
    }
  }
  throw new MemoError("ROOT_KEY_LOCKED", `No root key here can be unlocked by this ${unlocker.by}.`, {
    details: { lockedBy: roots.map((root) => root.by) },
  });
}

/**
 * Rotation: locks the same root key anew; object keys stay as they are.
 * @throws MemoError `ROOT_KEY_LOCKED` when `current` does not unlock it
 */
export async function rewrapRootKey(
  roots: readonly WrappedRoot[],
  current: Unlocker,
  next: Unlocker,
  random: RandomBytes,
): Promise<WrappedRoot> {
  return wrapRootKey(await unwrapRootKey(roots, current), next, random);
}

const OBJECT_KEY_LABEL = "object key";

/** Locks an object's key with the root key; bound to the object's id. */
export function wrapObjectKey(
  objectKey: Uint8Array,
  rootKey: Uint8Array,
  objectId: Uint8Array,
  random: RandomBytes,
): Uint8Array {
  const key = deriveKey(rootKey, "memo/object-key/v1");
  return sealEnvelope(objectKey, { key, label: OBJECT_KEY_LABEL, binding: objectId, random });
}

/**
 * Unlocks an object's key.
 * @throws MemoError `ENVELOPE_INVALID` for another object's key or another root
 */
export function unwrapObjectKey(sealed: Uint8Array, rootKey: Uint8Array, objectId: Uint8Array): Uint8Array {
  const key = deriveKey(rootKey, "memo/object-key/v1");
  return openEnvelope(sealed, { key, label: OBJECT_KEY_LABEL, binding: objectId });
}
