/** The largest magnitude that f16 holds. */
const largestF16 = 65504

/** How large the values of a tensor are. */
export interface ValueRange {
  /** The largest magnitude of those that are finite. */
  readonly largest: number
  /** How many times as large they could be in f16: below 1 the largest overflows there. Infinite where all are 0. */
  readonly f16_room: number
  /** Values that are NaN or infinite. */
  readonly non_finite: number
}

/** Measures values. */
export function valueRange(values: Float32Array): ValueRange {
  let [largest, nonFinite] = [0, 0]
  for (const value of values) {
    if (!Number.isFinite(value)) nonFinite++
    else if (Math.abs(value) > largest) largest = Math.abs(value)
  }
  return { largest, f16_room: largestF16 / largest, non_finite: nonFinite }
}
