/** A seed for a reply that was given none: 32 random bits, which the reply reports so that it can be repeated. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}

/** The low and the high 32 bits of a seed below 2^53. */
export function seedWords(seed: number): [low: number, high: number] {
  return [seed >>> 0, Math.floor(seed / 2 ** 32)]
}
