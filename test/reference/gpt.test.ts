import { join } from 'node:path'
import { suite } from 'uvu'
import { openSafetensors } from '../../src/io/safetensors.js'
import { goldenCases, goldenModel } from '../golden.js'
import { assertClose } from '../gpu.js'
import { gpt, type Values } from './gpt.js'

const twin = suite('reference/gpt')

twin('agrees with the golden file where its mask is 1', async () => {
  await using model = await openSafetensors(join(await goldenModel('gpt-tiny'), 'model.safetensors'))
  const tensors = new Map<string, Values>()
  for (const { name, shape } of model.tensors.values()) tensors.set(name, { shape, values: await model.readF32(name) })
  await using file = await openSafetensors(goldenCases('gpt-tiny')[0]!)
  const [ids, mask] = [await file.readI64('input_ids'), await file.readI64('attention_mask')]
  const logits = await file.readF32('logits')
  for (const b of [0, 1]) {
    const row = <T>(values: { slice(from: number, to: number): T }, width: number) =>
      values.slice(b * 17 * width, (b + 1) * 17 * width)
    const found = gpt(tensors, { layers: 3, heads: 4 }, row(ids, 1), row(mask, 1))
    const counts = (_: number, i: number) => row(mask, 1)[Math.floor(i / 320)] !== 0
    assertClose(found.filter(counts), row(logits, 320).filter(counts), 2e-6)
  }
})

twin.run()
