import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../src/engine/load.js'
import { blenderbotModel } from '../blenderbot-model.js'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const drawing = suite('engine/drawing-rules')

/** What BlenderBot-small's config.json says of generation, and what trained from it still says. */
const KEPT = { num_beams: 4, length_penalty: 0.65, max_length: 9, min_length: 7, no_repeat_ngram_size: 3 }
const question = { dialogue: [{ speaker: 'seeker' as const, text: 'i am sad' }] }

/** A folder like another, with more in its config.json, and a generation_config.json. */
function changed(folder: string, config: object, generation?: object): string {
  const path = tempFolder()
  cpSync(folder, path, { recursive: true })
  const file = join(path, 'config.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...config }))
  if (generation) writeFileSync(join(path, 'generation_config.json'), JSON.stringify(generation))
  return path
}

async function replyOf(folder: string) {
  await using engine = await load(folder, { adapter: testAdapters[0], tune: false, comet: false })
  const { ids, score } = await engine.reply(question as never, { seed: 3 })
  return { ids, beams: score !== undefined }
}

drawing('a plain BlenderBot and the baselines do what config.json says, and generation_config.json wins', async () => {
  for (const folder of [await blenderbotModel(), listenersModel('transformer-tiny')]) {
    const found = await replyOf(changed(folder, KEPT))
    assert.is(found.beams, true)
    assert.ok(found.ids.length >= 6 && found.ids.length <= 8, `${found.ids}`)
    const shorter = await replyOf(changed(folder, KEPT, { num_beams: 1, min_length: 0, max_length: 3 }))
    assert.is(shorter.beams, false)
    assert.ok(shorter.ids.length <= 2)
    // As if both stood in the one file.
    const one = await replyOf(changed(folder, {}, KEPT))
    assert.equal(one, found)
  }
})

drawing(
  'MISC and BlenderBot-Joint reply as their programs do, whatever config.json has kept of BlenderBot’s',
  async () => {
    for (const folder of [await tinyModel(), await jointModel()]) {
      const plain = await replyOf(folder)
      assert.is(plain.beams, false)
      assert.equal(await replyOf(changed(folder, KEPT)), plain)
      assert.is((await replyOf(changed(folder, {}, KEPT))).beams, true)
    }
  },
)

drawing('the n-gram size that their config.json has is theirs', async () => {
  const folder = await tinyModel()
  const [three, none] = [await replyOf(folder), await replyOf(changed(folder, { no_repeat_ngram_size: 1 }))]
  assert.is(new Set(none.ids).size, none.ids.length)
  assert.is.not(new Set(three.ids).size, three.ids.length)
})

drawing('a value that is wrong is refused by the file that says it', async () => {
  const folder = changed(await blenderbotModel(), { num_beams: 0 })
  await refused(() => load(folder), /config\.json: num_beams must be a whole number at least 1/)
})

drawing.run()
