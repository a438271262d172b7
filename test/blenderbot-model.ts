/** The small golden BlenderBot with a vocabulary, for tests of what users call: from text to text. */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goldenModel } from './golden.js'
import { tempFolder } from './temp.js'

/** blenderbot-tiny with a vocabulary of as many words: letters alone. @param more JSON files beside it, by name */
export async function blenderbotModel(more: Record<string, unknown> = {}): Promise<string> {
  const folder = tempFolder()
  cpSync(await goldenModel('blenderbot-tiny'), folder, { recursive: true })
  const specials = ['__null__', '__start__', '__end__', '__unk__', '__newln__']
  const letters = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((it) => [it, `${it}@@`])
  const words = Array.from({ length: 310 - specials.length - letters.length }, (_, i) => `w${i}`)
  const vocabulary = Object.fromEntries([...specials, ...letters, ...words].map((token, id) => [token, id]))
  writeFileSync(join(folder, 'vocab.json'), JSON.stringify(vocabulary))
  writeFileSync(join(folder, 'merges.txt'), '#version: 0.2\n')
  for (const [name, json] of Object.entries(more)) writeFileSync(join(folder, name), JSON.stringify(json))
  return folder
}
