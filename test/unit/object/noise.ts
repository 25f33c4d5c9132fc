/** `length` bytes that look random and are the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Repeatable stand-in for a source of random bytes: never the same bytes twice. */
export function testRandom(seed = 1): (length: number) => Uint8Array {
  let calls = 0;
  return (length) => noise(length, seed * 1_000_003 + ++calls);
}
