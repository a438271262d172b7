import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawOptions, makeDialogues, resolveWorkload, standardWorkload } from '../../src/bench/workload.js'
import { describeFolder } from '../../src/engine/load-model.js'
import { readJsonFile } from '../../src/io/text-file.js'
import type { MiscConfig } from '../../src/models/misc/config.js'
import { describeModel } from '../../src/models/registry.js'
import { type GoldenName, goldenFolder, goldenModel } from '../golden.js'
import { refused } from '../throws.js'

const workload = suite('bench/workload')
const file = `${goldenFolder('misc-tiny-paper')}/config.json`
const model = describeModel(await readJsonFile(file), file)
const config = model.config as MiscConfig

workload('the standard is cut to what the model can do', () => {
  assert.equal(resolveWorkload({}, model), { ...standardWorkload, context: 64 })
  assert.equal(resolveWorkload({}, { ...model, config: { ...config, maxPositions: 512 } }), standardWorkload)
})

workload('what is asked for is not cut but refused, by the name of its flag', async () => {
  assert.is(resolveWorkload({ situationBlocks: 0 }, model).situationBlocks, 0)
  await refused(() => resolveWorkload({ context: 65 }, model), /--context must be .* from 1 to 64 .* got 65/)
  await refused(() => resolveWorkload({ postBlocks: 31 }, model), /--post-blocks .* from 0 to 30/)
  await refused(() => resolveWorkload({ tokens: 1 }, model), /--tokens .* from 2/)
  await refused(() => resolveWorkload({ batch: 1.5 }, model), /--batch/)
})

workload('a model without blocks has none, and one without sources has prompt and tail in its positions', async () => {
  const golden = async (name: GoldenName) => describeFolder(await goldenModel(name))
  const [moel, gpt] = [await golden('moel-tiny'), await golden('gpt-tiny')]
  const none = { postBlocks: 0, situationBlocks: 0, blockLength: 0 }
  assert.equal(resolveWorkload({}, moel), { ...standardWorkload, ...none })
  await refused(() => resolveWorkload({ postBlocks: 3 }, moel), /--post-blocks must be .* from 0 to 0 for this model/)
  const { maxPositions } = gpt.config
  const { context, tokens } = resolveWorkload({}, gpt)
  assert.is(context, Math.ceil(maxPositions / 2))
  assert.is(tokens, Math.min(standardWorkload.tokens, maxPositions - context + 1))
  const most = resolveWorkload({ context: maxPositions - 4, tokens: 5 }, gpt)
  assert.is(most.tokens, 5)
  await refused(() => resolveWorkload({ context: maxPositions - 4, tokens: 6 }, gpt), /--tokens .* from 2 to 5/)
})

workload('dialogues have the lengths asked for, and are the same for the same seed', () => {
  const asked = resolveWorkload({ context: 9, postBlocks: 2, situationBlocks: 0, blockLength: 3, batch: 2 }, model)
  const dialogues = makeDialogues(asked, config)
  assert.equal(
    dialogues.map(({ context, post, situation }) => [context.length, post.map((it) => it.length), situation]),
    [
      [9, [3, 3], []],
      [9, [3, 3], []],
    ],
  )
  assert.equal(makeDialogues(asked, config), dialogues)
  assert.not.equal(makeDialogues({ ...asked, seed: 2 }, config), dialogues)
  assert.not.equal(dialogues[0], dialogues[1])
  assert.ok(dialogues.flatMap((it) => [...it.context, ...it.post.flat()]).every((id) => id >= 0 && id < 300))
})

workload('a reply has as many ids as asked for: it cannot end earlier', () => {
  const { minLength, maxLength, topK, seed } = drawOptions({ ...standardWorkload, tokens: 12, seed: 5 })
  assert.equal([minLength, maxLength, topK, seed], [13, 13, 30, 5])
})

workload.run()
