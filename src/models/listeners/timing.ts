/**
 * The timing signal (baselines §1.2): sines in the first half of a row, cosines in the second, a zero where d is odd. In float64.
 *
 * @returns S [positions, d]
 */
export function timingSignal(positions: number, d: number): Float32Array {
  const half = Math.floor(d / 2)
  const signal = new Float32Array(positions * d)
  for (let p = 0; p < positions; p++) {
    for (let j = 0; j < half; j++) {
      const angle = p * Math.exp((-j * Math.log(1e4)) / (half - 1))
      signal[p * d + j] = Math.sin(angle)
      signal[p * d + half + j] = Math.cos(angle)
    }
  }
  return signal
}
