import { bytesToHex } from "viem";
import { MemoError } from "../protocol/errors.ts";
import type { RandomBytes } from "../protocol/object/envelope.ts";
import {
  createRootKey,
  type Unlocker,
  unwrapRootKey,
  type WrappedRoot,
  wrapRootKey,
} from "../protocol/object/rootKey.ts";
import { type TypedDataSigner, walletSecret } from "../protocol/object/walletSecret.ts";

/** A root key with its locks, as they go into manifest headers. */
export type Root = { readonly rootKey: Uint8Array; readonly roots: readonly WrappedRoot[] };

/** Keys of one user. */
export type Keyring = {
  /** The root key for new manifests: the one that was unlocked last, else a new one. */
  current(): Promise<Root>;
  /** Whether {@link Keyring.current} would make a new one. */
  isEmpty(): boolean;
  /** Unlocks a root key by the wallet, or by the recovery phrase when there is one. @throws ROOT_KEY_LOCKED */
  unlock(roots: readonly WrappedRoot[]): Promise<Root>;
};

/**
 * Creates a keyring. Without a recovery phrase the wallet locks and unlocks; with one, both do, and a wallet that does
 * not sign deterministically is left out.
 */
export function createKeyring(options: {
  account: TypedDataSigner;
  chainId: number;
  recoveryPhrase?: string;
  random: RandomBytes;
}): Keyring {
  const { account, chainId, recoveryPhrase, random } = options;
  const unlocked = new Map<string, Root>();
  let newest: Promise<Root> | undefined;
  let wallet: Promise<Unlocker> | undefined;

  function byWallet(): Promise<Unlocker> {
    wallet ??= walletSecret(account, chainId).then((secret) => ({ by: "wallet", chainId, secret }) as const);
    return wallet;
  }

  async function unlockers(): Promise<Unlocker[]> {
    const byPhrase: Unlocker[] =
      recoveryPhrase === undefined ? [] : [{ by: "phrase", phrase: recoveryPhrase }];
    try {
      return [await byWallet(), ...byPhrase];
    } catch (error) {
      const moody = error instanceof MemoError && error.code === "SIGNATURE_NOT_DETERMINISTIC";
      if (moody && byPhrase.length > 0) return byPhrase;
      throw error;
    }
  }

  async function create(): Promise<Root> {
    const rootKey = createRootKey(random);
    const roots: WrappedRoot[] = [];
    for (const unlocker of await unlockers()) roots.push(await wrapRootKey(rootKey, unlocker, random));
    return { rootKey, roots };
  }

  return {
    current() {
      newest ??= create();
      return newest;
    },
    isEmpty: () => newest === undefined,
    async unlock(roots) {
      const name = roots.map((root) => bytesToHex(root.rootId)).join();
      const known = unlocked.get(name);
      if (known) return known;
      let failure: unknown;
      for (const unlocker of await unlockers()) {
        try {
          const root = { rootKey: await unwrapRootKey(roots, unlocker), roots };
          unlocked.set(name, root);
          newest ??= Promise.resolve(root);
          return root;
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
  };
}
