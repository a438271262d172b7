import * as assert from 'uvu/assert'
import { bestCandidates, readCandidates } from '../../src/ops/best-candidates.js'
import { gpuSuite, randomValues, runOnce, seededRandom } from '../gpu.js'
import * as reference from '../reference/best-candidates.js'

for (const variant of ['narrow', 'wide']) {
  gpuSuite(`best-candidates, ${variant}`, (test) => {
    test('this workgroup is chosen', (gpu) => gpu.useVariant('best-candidates', variant))

    const random = seededRandom(4)
    const upTo = (n: number) => 1 + Math.floor(random() * n)
    const ragged = Array.from({ length: 8 }, () => [upTo(7), upTo(2000), upTo(40)] as const)
    for (const [rows, vocab, count] of [
      [1, 1, 1],
      [2, 5, 8],
      [3, 300, 192],
      [2, 54_962, 11],
      [1, 1_000_003, 6],
      ...ragged,
    ] as const) {
      test(`${count} of ${rows}×${vocab}, with ties and ids that are none`, async (gpu) => {
        // A few values, so that many tie; of a large vocabulary the best lie close together, in one lane too.
        const coarse = randomValues(rows * vocab, vocab).map((it) => -Math.floor((it + 1) * (vocab > 3000 ? 1e6 : 20)))
        for (let i = 0; i < coarse.length; i += 3) coarse[i] = i % 2 ? Number.NEGATIVE_INFINITY : -3.4028234663852886e38
        if (vocab > 3000) for (const id of [7, 7 + 256, 7 + 1024]) coarse[id] = 1 + id
        const scores = gpu.tensorFrom('scores', [rows, vocab], coarse)
        const candidates = gpu.tensor('candidates', [rows + 1, count, 2], 'u32')
        await runOnce(gpu, (recorder) => bestCandidates(recorder, scores, candidates, rows))
        const words = (await gpu.read(candidates)) as Uint32Array
        const actual = readCandidates(words, count, rows)
        for (let row = 0; row < rows; row++) {
          assert.equal(actual[row], reference.bestCandidates(coarse.subarray(row * vocab, (row + 1) * vocab), count))
        }
        assert.ok(words.subarray(-2 * count).every((it) => it === 0))
      })
    }

    test('scores of either sign, bit for bit', async (gpu) => {
      const values = Float32Array.of(-0.5, 3e38, 1e-40, -1e-40, 0, -2e-5, 1, -3e38, 0.1)
      const scores = gpu.tensorFrom('scores', [1, values.length], values)
      const candidates = gpu.tensor('candidates', [1, 9, 2], 'u32')
      await runOnce(gpu, (recorder) => bestCandidates(recorder, scores, candidates, 1))
      const [actual] = readCandidates((await gpu.read(candidates)) as Uint32Array, 9, 1)
      assert.equal(actual, reference.bestCandidates(values, 9))
    })

    test('what is no finite number comes first', async (gpu) => {
      const vocab = 300
      const negativeNaN = new Float32Array(Uint32Array.of(0xff800001).buffer)[0]!
      const faults = [Number.NaN, negativeNaN, Number.POSITIVE_INFINITY]
      const values = new Float32Array(4 * vocab)
      for (const row of [0, 1, 2, 3]) values.set(randomValues(vocab, 1).with(17, faults[row] ?? 0), row * vocab)
      // The bits as they are: a NaN of a Float32Array may lose its sign on the way.
      const scores = gpu.tensor('scores', [4, vocab])
      gpu.write(scores, new Uint32Array(values.buffer))
      const candidates = gpu.tensor('candidates', [4, 3, 2], 'u32')
      await runOnce(gpu, (recorder) => bestCandidates(recorder, scores, candidates, 4))
      const rows = readCandidates((await gpu.read(candidates)) as Uint32Array, 3, 4)
      assert.equal(
        rows.map(([first]) => Number.isFinite(first!.score)),
        [false, false, false, true],
      )
      for (const [first] of rows.slice(0, 3)) assert.is(first!.id, 17)
    })

    test('a row where nothing is left has no candidate', async (gpu) => {
      const scores = gpu.tensorFrom('scores', [1, 40], new Float32Array(40).fill(Number.NEGATIVE_INFINITY))
      const candidates = gpu.tensor('candidates', [1, 4, 2], 'u32')
      await runOnce(gpu, (recorder) => bestCandidates(recorder, scores, candidates, 1))
      assert.equal(readCandidates((await gpu.read(candidates)) as Uint32Array, 4, 1), [[]])
    })
  })
}
