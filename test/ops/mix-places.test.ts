import { mixPlaces } from '../../src/ops/mix-places.js'
import { randomChoices } from '../choices.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('mix-places', (test) => {
  for (const [sequences, newRows, places, d] of [
    [1, 1, 1, 1],
    [3, 1, 6, 300],
    [2, 9, 4, 67],
  ] as const) {
    test(`${sequences} sequences of ${newRows} rows at ${places} places of ${d}`, async (gpu) => {
      const rows = sequences * newRows
      const { choices, of } = randomChoices(gpu, { sequences, newRows, places, layers: 3 })
      const x = randomTensor(gpu, 'x', [rows + 1, places * d], 1)
      // What is computed for no one may be anything.
      x.values.forEach((_, i) => {
        const row = Math.floor(i / (places * d))
        if (row < rows && of(row, Math.floor(i / d) % places).share === 0) x.values[i] = Number.NaN
      })
      gpu.write(x.tensor, x.values)
      const out = randomTensor(gpu, 'out', [rows + 1, d], 2)
      await runOnce(gpu, (recorder) => mixPlaces(recorder, { x: x.tensor, out: out.tensor }, choices, rows))
      const expected = out.values.map((kept, i) => {
        const [row, c] = [Math.floor(i / d), i % d]
        if (row === rows) return kept
        const shares = Array.from({ length: places }, (_, place) => of(row, place).share)
        return shares.reduce((sum, share, p) => sum + (share && share * x.values[(row * places + p) * d + c]!), 0)
      })
      assertClose(await gpu.readF32(out.tensor), expected, 1e-6)
    })
  }
})
