import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { splitHeads } from '../../src/ops/split-heads.js'
import { gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('split-heads', (test) => {
  for (const [rows, heads, e, places, slotRows] of [
    [1, 1, 1, [0], 1],
    [3, 2, 4, [6, 1, 4], 5],
    [70, 3, 20, Array.from({ length: 70 }, (_, i) => 139 - i), 70],
    [2, 16, 32, [562, 3], 562],
  ] as const) {
    test(`${rows} rows of ${heads} heads of ${e}`, async (gpu) => {
      const d = heads * e
      const source = randomTensor(gpu, 'source', [rows + 1, 2 * d], 1)
      const target = randomTensor(gpu, 'target', [2, heads, slotRows, 2 * e], 2)
      const to = gpu.tensorFrom('to', [rows], Uint32Array.from(places))
      await runOnce(gpu, (recorder) => splitHeads(recorder, { source: source.tensor, to, target: target.tensor }, rows))
      const expected = Float32Array.from(target.values)
      places.forEach((place, row) => {
        const [slot, slotRow] = [Math.floor(place / slotRows), place % slotRows]
        for (let c = 0; c < 2 * d; c++) {
          const [half, head, column] = [Math.floor(c / d), Math.floor((c % d) / e), c % e]
          expected[(((slot * heads + head) * slotRows + slotRow) * 2 + half) * e + column] =
            source.values[row * 2 * d + c]!
        }
      })
      assert.equal(await gpu.readF32(target.tensor), expected)
    })
  }

  test('a place beyond the last slot is left out, a tensor that does not fit is named', async (gpu) => {
    const source = randomTensor(gpu, 'source', [1, 16], 1).tensor
    const target = gpu.tensor('target', [1, 2, 3, 8])
    const to = gpu.tensorFrom('to', [1], Uint32Array.of(3))
    await runOnce(gpu, (recorder) => splitHeads(recorder, { source, to, target }, 1))
    assert.ok((await gpu.readF32(target)).every((value) => value === 0))
    const fails = (tensors: object, rows: number, words: RegExp) =>
      assert.throws(
        () => splitHeads(new Recorder(gpu), { source, to, target, ...tensors }, rows),
        (error: unknown) => error instanceof ShapeError && words.test(error.message),
      )
    fails({ source: to }, 1, /to must be f32 \[≥ 1, 16\]/)
    fails({}, 2, /source must have 2 rows or more/)
    fails({ target: source }, 1, /source must be f32 \[slots, heads, slotRows, 2e\]/)
  })
})
