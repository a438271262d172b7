import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { folderGeneration } from '../../src/generation/folder-generation.js'
import { parseGenerationConfig } from '../../src/generation/generation-config.js'
import {
  type GenerationOptions,
  type OptionName,
  optionNames,
  optionTable,
  resolveOptions,
  snakeCase,
} from '../../src/generation/options.js'
import type { TokenRules } from '../../src/generation/token-rules.js'
import { kindsOf } from './cases.js'
import { changed, jsonOf, oddNumber, programValue } from './values.js'

const generation = kindsOf('generation')
const ids = { vocabSize: 70, eosIds: [2], padId: 0, decoderStartId: 1 }

/** A value that an option takes. */
const sound = (name: OptionName) => {
  const { type, min, max } = optionTable[name]
  if (type === 'boolean') return fc.boolean()
  if (type === 'integer') return fc.integer({ min: min ?? 0, max: Math.min(max ?? 70, 70) })
  return fc.constantFrom(0.5, 1)
}
const options = fc.record(Object.fromEntries(optionNames.map((name) => [name, sound(name)])), { requiredKeys: [] })
const config = fc
  .tuple(
    options.map((it) => Object.fromEntries(Object.entries(it).map(([name, value]) => [snakeCase(name), value]))),
    fc.record(
      {
        decoder_start_token_id: fc.nat(69),
        pad_token_id: fc.nat(69),
        eos_token_id: fc.array(fc.nat(69), { minLength: 1, maxLength: 3 }),
        forced_bos_token_id: fc.nat(69),
        forced_eos_token_id: fc.nat(69),
        begin_suppress_tokens: fc.array(fc.nat(69), { maxLength: 3 }),
        suppress_tokens: fc.array(fc.nat(69), { maxLength: 3 }),
        bad_words_ids: fc.array(fc.array(fc.nat(69), { maxLength: 3 }), { maxLength: 3 }),
        num_beam_groups: fc.nat(2),
        typical_p: fc.constantFrom(1, 0.5),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([options, rules]) => ({ ...options, ...rules }))

/** What is left open is filled in, and all of it is as the table says. */
function checkResolved(resolved: object): void {
  for (const [name, value] of Object.entries(resolved) as [OptionName, unknown][]) {
    const { type, min = -Infinity, above = -Infinity, max = Infinity } = optionTable[name]
    assert.type(value, type === 'boolean' ? 'boolean' : 'number', name)
    if (typeof value !== 'number') continue
    assert.ok(value >= min && value > above && value <= max && (type === 'number' || Number.isInteger(value)), name)
  }
  assert.equal(Object.keys(resolved).sort(), optionNames.filter((name) => name !== 'maxNewTokens').sort())
  const { doSample, numBeams, numReturnSequences } = resolved as Required<GenerationOptions>
  assert.ok(!(doSample && Number(numBeams) > 1) && Number(numReturnSequences) <= Number(numBeams))
}

function checkRules({ decoderStartId, padId, forbiddenRuns = [], ...lists }: Partial<TokenRules>): void {
  const all = [decoderStartId ?? 0, padId ?? 0, ...forbiddenRuns.flat(), ...Object.values(lists).flat(2)]
  for (const id of all) assert.ok(Number.isInteger(id) && id >= 0 && id < ids.vocabSize)
  for (const run of forbiddenRuns) assert.ok(run.length > 0)
}

/** What cannot be written as JSON is left out of it. */
const jsonOfSound = (value: unknown): string =>
  jsonOf(JSON.parse(JSON.stringify(value, (_, it) => (typeof it === 'bigint' ? Number(it) : it)) ?? 'null'))
const file = changed(config, fc.oneof(oddNumber, programValue)).map(jsonOfSound)
const asked = fc.oneof(options, changed(options, programValue), programValue)

generation.add({
  name: 'a generation_config.json, and options over it, come out within their ranges',
  cases: fc.tuple(fc.oneof(config.map(jsonOfSound), changed(config).map(jsonOf), file), asked),
  read: ([text, asked]) => {
    const said = parseGenerationConfig(parsed(text), 'generation_config.json', ids)
    checkRules(said.rules)
    for (const warning of said.warnings) assert.not.match(warning, /[\n\r]/)
    checkResolved(resolveOptions(said.options))
    checkResolved(resolveOptions(said.options, asked as GenerationOptions))
  },
})

const task = config.map((it) => ({ ...it, task_specific_params: { summarization: { ...it, prefix: '' } } }))

generation.add({
  name: 'a COMET’s config.json with its task’s parameters',
  cases: fc.tuple(changed(task).map(jsonOf), changed(config).map(jsonOf)),
  read: ([model, own]) => {
    const { values, source } = folderGeneration(parsed(model), parsed(own), 'comet', { task: 'summarization' })
    checkResolved(resolveOptions(parseGenerationConfig(values, source, ids).options))
  },
})

/** A text that is no JSON is refused before anyone looks at what it says. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

generation.run()
