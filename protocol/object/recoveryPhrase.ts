import { createHash, scrypt } from "node:crypto";
import { english } from "viem/accounts";
import { MemoError } from "../errors.ts";
import type { RandomBytes } from "./envelope.ts";

/** scrypt cost: 32 MiB and about a tenth of a second. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };
const WORD_COUNTS = [12, 15, 18, 21, 24];

/** BIP-39: entropy and a checksum of one bit per 32, eleven bits to a word. */
function wordsOf(entropy: Uint8Array): string[] {
  const checksumBits = entropy.length / 4;
  const checksum = createHash("sha256").update(entropy).digest()[0]!;
  let bits = "";
  for (const byte of entropy) bits += byte.toString(2).padStart(8, "0");
  bits += checksum.toString(2).padStart(8, "0").slice(0, checksumBits);
  return Array.from(
    { length: bits.length / 11 },
    (_, i) => english[Number.parseInt(bits.slice(i * 11, i * 11 + 11), 2)]!,
  );
}

/** A new BIP-39 phrase of 24 English words. */
export function createRecoveryPhrase(random: RandomBytes): string {
  return wordsOf(random(32)).join(" ");
}

function normalise(phrase: string): string[] {
  return phrase.normalize("NFKD").trim().toLowerCase().split(/\s+/);
}

/**
 * Checks words and checksum of a BIP-39 phrase.
 * @throws MemoError `RECOVERY_PHRASE_INVALID` naming the word that is not in the list
 */
export function assertRecoveryPhrase(phrase: string): void {
  const words = normalise(phrase);
  const refuse = (reason: string) =>
    new MemoError(
      "RECOVERY_PHRASE_INVALID",
      `This is not a recovery phrase: ${reason}. Type it as it was shown.`,
    );
  if (!WORD_COUNTS.includes(words.length)) throw refuse(`it has ${words.length} words instead of 12 to 24`);
  const indexes = words.map((word, place) => {
    const index = english.indexOf(word);
    if (index < 0) throw refuse(`word ${place + 1} is not in the list`);
    return index;
  });
  const bits = indexes.map((index) => index.toString(2).padStart(11, "0")).join("");
  const entropyBytes = (words.length * 32) / 3 / 8;
  const entropy = Uint8Array.from({ length: entropyBytes }, (_, i) =>
    Number.parseInt(bits.slice(i * 8, i * 8 + 8), 2),
  );
  if (wordsOf(entropy).join(" ") !== words.join(" ")) throw refuse("its words do not fit together");
}

/**
 * Secret of a recovery phrase by scrypt.
 * @throws MemoError `RECOVERY_PHRASE_INVALID`
 */
export async function phraseSecret(phrase: string, salt: Uint8Array): Promise<Uint8Array> {
  assertRecoveryPhrase(phrase);
  return new Promise((resolve, reject) =>
    scrypt(normalise(phrase).join(" "), salt, 32, COST, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    ),
  );
}
