import * as assert from 'uvu/assert'
import type { Gpu } from '../../src/gpu/gpu.js'
import { cachedWindows } from '../../src/ops/cached-windows.js'
import { gpuSuite, randomTensor, randomValues, runOnce } from '../gpu.js'
import * as reference from '../reference/windows.js'

/** Runs sequences of as many rows each, some rows at a time, and compares with whole ones. */
async function check(gpu: Gpu, d: number, slots: readonly number[], steps: readonly number[]): Promise<void> {
  const [sequences, rows] = [slots.length, steps.reduce((a, b) => a + b)]
  const values = slots.map((_, s) => randomValues(rows * d, s + 1))
  // What lies there from an earlier sequence is never read.
  const { tensor: last } = randomTensor(gpu, 'last', [Math.max(...slots) + 1, 3, d], 9)
  const table = gpu.tensorFrom('table', [sequences], Uint32Array.from(slots))
  let done = 0
  for (const newRows of steps) {
    const x = values.flatMap((it) => [...it.subarray(done * d, (done + newRows) * d)])
    const tensors = {
      x: gpu.tensorFrom('x', [sequences * newRows, d], Float32Array.from(x)),
      last,
      lengths: gpu.tensorFrom('lengths', [sequences], new Uint32Array(sequences).fill(done)),
      table,
      out: gpu.tensor('out', [sequences * newRows, 3 * d]),
    }
    await runOnce(gpu, (recorder) => cachedWindows(recorder, tensors, { sequences, newRows }))
    const expected = values.flatMap((it) => [
      ...reference.windows(it, d, -1).subarray(done * 3 * d, (done + newRows) * 3 * d),
    ])
    assert.equal(await gpu.readF32(tensors.out), Float32Array.from(expected))
    done += newRows
  }
}

gpuSuite('cached-windows', (test) => {
  test('row by row, some at a time, and all at once', async (gpu) => {
    await check(gpu, 1, [0], [1, 1, 1, 1, 1])
    await check(gpu, 60, [2, 0, 3], [1, 1, 1, 1, 1, 1, 1])
    await check(gpu, 67, [1, 0], [7])
    await check(gpu, 130, [4, 1], [2, 3, 1, 4, 1, 2, 2])
  })

  test('beams that fork take their rows from the slots that the row table names', async (gpu) => {
    const d = 33
    const { tensor: last } = randomTensor(gpu, 'last', [3, 3, d], 1)
    // Of each sequence, the slot that wrote its rows so far.
    let ways = [[0], [1], [2]]
    const parents = [
      [0, 1, 2],
      [1, 1, 0],
      [2, 0, 0],
      [1, 2, 1],
      [0, 1, 2],
      [2, 2, 2],
    ]
    let histories: Float32Array[][] = [[], [], []]
    for (const [step, from] of parents.entries()) {
      histories = from.map((parent, s) => [...histories[parent]!, randomValues(d, 3 * step + s + 5)])
      if (step > 0) ways = from.map((parent, s) => [...ways[parent]!, s])
      const columns = step + 1
      const tensors = {
        x: gpu.tensorFrom('x', [3, d], Float32Array.from(histories.flatMap((it) => [...it.at(-1)!]))),
        last,
        lengths: gpu.tensorFrom('lengths', [3], new Uint32Array(3).fill(step)),
        table: gpu.tensorFrom('table', [3, columns], Uint32Array.from(ways.flat())),
        out: gpu.tensor('out', [3, 3 * d]),
      }
      await runOnce(gpu, (recorder) => cachedWindows(recorder, tensors, { sequences: 3, newRows: 1 }))
      const expected = histories.flatMap((rows) => {
        const all = reference.windows(Float32Array.from(rows.flatMap((it) => [...it])), d, -1)
        return [...all.subarray(step * 3 * d)]
      })
      assert.equal(await gpu.readF32(tensors.out), Float32Array.from(expected))
    }
  })
})
