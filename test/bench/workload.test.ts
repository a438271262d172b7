import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawOptions, makeDialogues, resolveWorkload, standardWorkload } from '../../src/bench/workload.js'
import { readJsonFile } from '../../src/io/text-file.js'
import { parseConfig } from '../../src/models/misc/config.js'
import { goldenFolder } from '../golden.js'
import { refused } from '../throws.js'

const workload = suite('bench/workload')
const file = `${goldenFolder('misc-tiny-paper')}/config.json`
const config = parseConfig(await readJsonFile(file), file)

workload('the standard is cut to what the model can do', () => {
  assert.equal(resolveWorkload({}, config), { ...standardWorkload, context: 64 })
  assert.equal(resolveWorkload({}, { ...config, maxPositions: 512 }), standardWorkload)
})

workload('what is asked for is not cut but refused, by the name of its flag', async () => {
  assert.is(resolveWorkload({ situationBlocks: 0 }, config).situationBlocks, 0)
  await refused(() => resolveWorkload({ context: 65 }, config), /--context must be .* from 1 to 64 .* got 65/)
  await refused(() => resolveWorkload({ postBlocks: 31 }, config), /--post-blocks .* from 0 to 30/)
  await refused(() => resolveWorkload({ tokens: 1 }, config), /--tokens .* from 2/)
  await refused(() => resolveWorkload({ batch: 1.5 }, config), /--batch/)
})

workload('dialogues have the lengths asked for, and are the same for the same seed', () => {
  const asked = resolveWorkload({ context: 9, postBlocks: 2, situationBlocks: 0, blockLength: 3, batch: 2 }, config)
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
