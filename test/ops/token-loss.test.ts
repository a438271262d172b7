import * as assert from 'uvu/assert'
import { tokenLoss } from '../../src/ops/token-loss.js'
import { assertClose, gpuSuite, randomTensor, runOnce, seededRandom } from '../gpu.js'
import * as reference from '../reference/token-loss.js'

for (const variant of ['narrow', 'wide']) {
  gpuSuite(`token-loss, ${variant}`, (test) => {
    for (const [rows, vocabulary, gain] of [
      [1, 1, 1],
      [3, 7, 1],
      [5, 300, 20],
      [4, 4001, 5],
    ] as const) {
      test(`${rows}×${vocabulary}`, async (gpu) => {
        gpu.useVariant('token-loss', variant)
        const { values } = randomTensor(gpu, 'random', [rows, vocabulary], rows)
        const scores = values.map((value) => value * gain)
        // The best score twice, the later one in another lane: the first counts.
        scores[vocabulary - 1] = Math.max(...scores.subarray(0, vocabulary))
        const random = seededRandom(rows)
        const ids = Uint32Array.from({ length: rows }, () => Math.floor(random() * vocabulary))
        const [losses, bestIds] = [gpu.tensor('losses', [rows + 1]), gpu.tensor('best', [rows + 1], 'u32')]
        const logits = gpu.tensorFrom('logits', [rows, vocabulary], scores)
        const targets = gpu.tensorFrom('targets', [rows], ids)
        await runOnce(gpu, (recorder) => tokenLoss(recorder, { logits, targets, losses, bestIds }, rows))
        const expected = reference.tokenLoss(scores, ids, vocabulary)
        assertClose(await gpu.readF32(losses), [...expected.losses, 0], 2e-5)
        assert.equal([...(await gpu.read(bestIds))], [...expected.bestIds, 0])
      })
    }

    test('logits beyond the vocabulary take no part', async (gpu) => {
      gpu.useVariant('token-loss', variant)
      const { values } = randomTensor(gpu, 'random', [2, 300], 1)
      const wide = new Float32Array(2 * 320).fill(1000)
      for (const row of [0, 1]) wide.set(values.subarray(row * 300, (row + 1) * 300), row * 320)
      const [losses, bestIds] = [gpu.tensor('losses', [2]), gpu.tensor('best', [2], 'u32')]
      const logits = gpu.tensorFrom('logits', [2, 320], wide)
      const targets = gpu.tensorFrom('targets', [2], Uint32Array.of(0, 299))
      await runOnce(gpu, (recorder) => tokenLoss(recorder, { logits, targets, losses, bestIds }, 2, 300))
      const expected = reference.tokenLoss(values, [0, 299], 300)
      assertClose(await gpu.readF32(losses), expected.losses, 2e-5)
      assert.equal([...(await gpu.read(bestIds))], expected.bestIds)
    })
  })
}
