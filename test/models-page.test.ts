/** What docs/models.md says can be done, held against the commands and the files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { convertCommand } from '../src/cli/convert.js'
import { describeModel } from '../src/models/registry.js'
import { root } from './user-folder.js'

const page = suite('docs/models.md')
const text = readFileSync(join(root, 'docs', 'models.md'), 'utf8')

page('its conversions are commands that misc convert takes', async () => {
  const joined = text.replaceAll(/ \\\n\s*/g, ' ')
  const commands = [...joined.matchAll(/^ +npx misc convert (.*)$/gm)].map(([, words]) => words!.split(' '))
  assert.ok(commands.length >= 9)
  for (const words of commands) {
    let taken: unknown
    const command = convertCommand().exitOverride()
    command.action((_path: string, _out: string, options: unknown) => {
      taken = options
    })
    await command.parseAsync(words, { from: 'user' })
    assert.ok(taken, words.join(' '))
    const { set = {} } = taken as { set?: Record<string, unknown> }
    for (const value of Object.values(set)) assert.ok(['boolean', 'number'].includes(typeof value), `${value}`)
  }
})

page('it names every kind of model that a config.json may say', () => {
  const types = /must be (.*)$/.exec(fault(() => describeModel({ model_type: '?' }, 'c')))![1]!.split(' or ')
  const names: Record<string, string> = {
    misc: '## MISC\n',
    'blenderbot-small': '## BlenderBot-small\n',
    bart: '## COMET-BART\n',
    'openai-gpt': '## COMET-2019\n',
  }
  for (const type of types)
    assert.ok(text.includes(names[type] ?? text.match(new RegExp(`## .*${type}`, 'i'))?.[0] ?? '?'), type)
})

function fault(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

page.run()
