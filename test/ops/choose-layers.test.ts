import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { chooseLayers } from '../../src/ops/choose-layers.js'
import { assertClose, gpuSuite, randomValues, runOnce } from '../gpu.js'
import * as reference from '../reference/choose-layers.js'

interface Case {
  readonly logits: readonly (readonly number[])[]
  readonly most: number
  readonly least?: number
  readonly basic?: boolean
}

async function check(gpu: Gpu, { logits, most, least = 0, basic = false }: Case): Promise<void> {
  const [sequences, layers] = [logits.length, logits[0]!.length]
  const places = most + (basic ? 1 : 0)
  const slots = logits.map((_, s) => sequences - s)
  const tensors = {
    logits: gpu.tensorFrom('logits', [sequences, layers], Float32Array.from(logits.flat())),
    slots: gpu.tensorFrom('slots', [sequences], Uint32Array.from(slots)),
    table: gpu.tensorFrom('table', [sequences + 1, places, 2], new Uint32Array((sequences + 1) * places * 2).fill(77)),
    weights: gpu.tensor('weights', [sequences, layers]),
  }
  await runOnce(gpu, (recorder) => chooseLayers(recorder, tensors, { sequences, most, least }))
  const words = (await gpu.read(tensors.table)) as Uint32Array
  const shares = new Float32Array(words.buffer, words.byteOffset, words.length)
  const weights = await gpu.readF32(tensors.weights)
  for (const [s, row] of logits.entries()) {
    const expected = reference.chooseLayers(row, { most, least, basic })
    const found = Array.from({ length: places }, (_, p) => 2 * (slots[s]! * places + p))
    assert.equal(
      found.map((i) => words[i]),
      expected.choices.map((it) => it.layer),
    )
    const close = (a: readonly number[], b: readonly number[]) => assertClose(a, b, 1e-6)
    close(
      found.map((i) => shares[i + 1]!),
      expected.choices.map((it) => it.share),
    )
    close([...weights.subarray(s * layers, (s + 1) * layers)], expected.weights)
  }
  assert.ok(words.subarray(0, 2 * places).every((it) => it === 77))
}

const random = (sequences: number, layers: number, scale = 4) =>
  Array.from({ length: sequences }, (_, s) => [...randomValues(layers, s + layers).map((it) => it * scale)])

gpuSuite('choose-layers', (test) => {
  test('the largest, some, all, or one', async (gpu) => {
    await check(gpu, { logits: random(1, 1), most: 1 })
    await check(gpu, { logits: random(3, 11), most: 5, basic: true })
    await check(gpu, { logits: random(70, 32), most: 5, least: 0.05, basic: true })
    await check(gpu, { logits: random(2, 32), most: 32 })
  })

  test('equal logits, those far apart, and those far out', async (gpu) => {
    await check(gpu, { logits: [[2, 3, 3, 2, 3, 2]], most: 4 })
    await check(gpu, { logits: [[-800, 5, 700, -1e4, 4, -800]], most: 5, least: 1e-4, basic: true })
    await check(gpu, { logits: [new Array(8).fill(-1e30)], most: 3 })
  })

  test('places that do not fit are named', (gpu) => {
    const logits = gpu.tensor('logits', [1, 4])
    const [slots, table] = [gpu.tensor('slots', [1], 'u32'), gpu.tensor('table', [1, 3, 2], 'u32')]
    for (const most of [1, 4, 5]) {
      assert.throws(
        () =>
          chooseLayers(
            new Recorder(gpu),
            { logits, slots, table, weights: gpu.tensor('weights', [1, 4]) },
            { sequences: 1, most, least: 0 },
          ),
        (error: Error) => error instanceof ShapeError && /of 4 layers do not fit 3 places of table/.test(error.message),
      )
    }
  })
})
