/** What everybody computes: lengths, products, and the numbers in them. */
export const lengths = { context: 200, post: 30, situation: 20, blockLength: 5, paddedLength: 10, manyBlocks: 512 }

/** A product of rows × k and k × n. */
export interface Product {
  readonly rows: number
  readonly k: number
  readonly n: number
}
export const gemm: Product = { rows: 256, k: 512, n: 2048 }
export const gemv: Product = { rows: 1, k: 512, n: 54944 }

/** What is asked of COMET: queries of so many ids, searched with so many beams for as many tails of at most so many ids, the start counted. */
export const comet = { queries: 15, ids: 20, beams: 5, longest: 24 }

/** What a family other than MISC reads and draws: a text of so many ids, replies of so many, and the ids that all must say alike. */
export const family = { context: lengths.context, tokens: 32, said: 8 }

/** The same in a file, for PyTorch: ours draws the same ids. */
export interface FamilyWork {
  readonly ids: readonly number[]
  readonly tokens: number
  readonly said: number
}

/** What is asked of COMET, in a file, as every process reads it. */
export interface CometWork {
  readonly queries: readonly (readonly number[])[]
  readonly beams: number
  readonly longest: number
}

/** Numbers in (-1, 1) without a short period. */
export const values = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + 1))
