import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Misc } from '../../src/engine/misc.js'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const sound = await tinyModel()
const adapter = testAdapters[0]!

/** A copy of the tiny model, changed. */
function changed(change: (folder: string) => void): string {
  const folder = tempFolder()
  cpSync(sound, folder, { recursive: true })
  change(folder)
  return folder
}

const editJson = (file: string, edit: (json: Record<string, unknown>) => void) => (folder: string) => {
  const json = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  edit(json)
  writeFileSync(join(folder, file), JSON.stringify(json))
}

/** Edits the header of model.safetensors, data and all else left as they are. */
const editHeader = (edit: (json: string) => string) => (folder: string) => {
  const path = join(folder, 'model.safetensors')
  const bytes = readFileSync(path)
  const end = 8 + Number(bytes.readBigUInt64LE())
  const header = Buffer.from(edit(bytes.subarray(8, end).toString()))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  writeFileSync(path, Buffer.concat([length, header, bytes.subarray(end)]))
}

const load = suite('engine/load-model')

const cases: [string, (folder: string) => void, RegExp][] = [
  ['a truncated file', (folder) => truncateSync(join(folder, 'model.safetensors'), 100_000), /model\.safetensors: .*/],
  [
    'a header of 2^60 bytes',
    (folder) => {
      const path = join(folder, 'model.safetensors')
      const bytes = readFileSync(path)
      bytes.writeBigUInt64LE(2n ** 60n)
      writeFileSync(path, bytes)
    },
    /model\.safetensors: .*1152921504606846976/,
  ],
  [
    'overlapping offsets',
    editHeader((json) => json.replace(/"data_offsets":\[(\d+),(\d+)\]/, '"data_offsets":[$1,99999]')),
    /model\.safetensors: /,
  ],
  [
    'a name that stands twice',
    editHeader((json) => json.replace(/^\{/, '{"final_logits_bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},')),
    /model\.safetensors: .*final_logits_bias/,
  ],
  ['a wrong dtype', editHeader((json) => json.replace('"F32"', '"I32"')), /I32/],
  ['a tensor that is missing', editHeader((json) => json.replace('final_logits_bias', 'final_logits_bios')), /_bias/],
  [
    'a config that disagrees with the shapes',
    editJson('config.json', (it) => {
      it.encoder_ffn_dim = 65
    }),
    /fc1\.weight \(shape \[64,32\], expected \[65,32\]\)/,
  ],
  [
    'another vocabulary',
    editJson('vocab.json', (it) => {
      it.zzzzzz = Object.keys(it).length
    }),
    /the tokenizer has 5774 ids, config\.json says 5773/,
  ],
  [
    'bad defaults',
    (folder) => writeFileSync(join(folder, 'generation_config.json'), '{"top_p": 2}'),
    /generation_config\.json: top_p must be a number above 0 and at most 1, got 2/,
  ],
  ['no config', (folder) => rmSync(join(folder, 'config.json')), /has no config\.json/],
  ['no tokenizer', (folder) => rmSync(join(folder, 'merges.txt')), /merges\.txt: no such file/],
]

for (const [what, change, pattern] of cases) {
  load(`refuses ${what}`, () => refused(() => Misc.load(changed(change), { adapter }), pattern))
}

load('defaults come from generation_config.json; what it asks for in vain is told', async () => {
  const config = { max_new_tokens: 3, min_length: 9, num_beams: 4 }
  const folder = changed((it) => writeFileSync(join(it, 'generation_config.json'), JSON.stringify(config)))
  const warnings: string[] = []
  const progress: [number, number][] = []
  await using misc = await Misc.load(folder, {
    adapter,
    onWarning: (message) => warnings.push(message),
    onProgress: (...counts) => progress.push(counts),
  })
  assert.is((await misc.reply({ dialogue: [{ speaker: 'seeker', text: 'hi' }] })).ids.length, 3)
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /num_beams 4/)
  const [done, total] = progress.at(-1)!
  assert.is(done, total)
})

load.run()
