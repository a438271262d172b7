import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Comet, type EventTails, type TailOptions } from '../../src/engine/comet.js'
import { readCometFolder, usualSearch } from '../../src/engine/comet-folder.js'
import type { Tail } from '../../src/engine/explain-comet.js'
import { openModel } from '../../src/engine/load-model.js'
import { DeviceLostError, DisposedError, NoAdapterError } from '../../src/errors.js'
import { type GenerationOptions, resolveOptions } from '../../src/generation/options.js'
import { processScores } from '../../src/generation/processors.js'
import { type TokenRules, tokenRules } from '../../src/generation/token-rules.js'
import { Gpu } from '../../src/gpu/gpu.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { CometQueries } from '../../src/text/comet-queries.js'
import { COMET_2019_TOKENS } from '../../src/text/gpt-codec.js'
import { RELATIONS } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { BART_IDS, comet2019, cometBart, GPT_SIZES, hubNames, tinyComet } from '../comet-models.js'
import { filesFolder } from '../files-folder.js'
import { assertClose, firstGpuSuite, testAdapters } from '../gpu.js'
import { tensorsOf } from '../models/gpt/raw-names.js'
import { beamSearch } from '../reference/beam-search.js'
import { gpt } from '../reference/gpt.js'
import { logSoftmax } from '../reference/log-softmax.js'
import { teacherForced } from '../reference/teacher-forced.js'
import { refused } from '../throws.js'

const adapter = testAdapters[0]!
const texts = (tails: readonly Tail[] | undefined) => tails!.map(({ text }) => text)
const scores = (tails: readonly Tail[] | undefined) => tails!.map(({ score }) => score)

function assertTails(found: EventTails, expected: EventTails): void {
  assert.equal([found.event, found.cut], [expected.event, expected.cut])
  assert.equal(Object.keys(found.tails), Object.keys(expected.tails))
  for (const [relation, tails] of Object.entries(expected.tails)) {
    assert.equal(texts(found.tails[relation]), texts(tails), `${found.event}, ${relation}`)
    assertClose(scores(found.tails[relation]), scores(tails), 1e-4)
  }
}

/** What a slow search finds, which computes every hypothesis from its start: of a model with an encoder. */
async function slowly(
  gpu: Parameters<typeof teacherForced>[0],
  folder: string,
  query: readonly number[],
  generation: GenerationOptions,
  rules: Partial<TokenRules> = {},
): Promise<Tail[]> {
  const model = await openModel(gpu, folder, { family: 'bart' })
  const tokenizer = await Tokenizer.load(folder)
  const ofModel = tokenRules(model.config, tokenizer.baseVocabSize)
  const forced = { ...ofModel, forcedLast: ofModel.eosIds, ...rules }
  const options = resolveOptions({ ...usualSearch, ...generation })
  const scoresOf = teacherForced(gpu, model, query, options, forced)
  const found = await beamSearch(scoresOf, [forced.decoderStartId], forced.eosIds[0]!, options)
  model.dispose()
  const queries = new CometQueries(tokenizer, { maxPositions: model.config.maxPositions })
  return found.map(({ ids, score }) => ({ text: queries.tail(ids), score }))
}

firstGpuSuite('engine/comet', (test) => {
  const events = ['i lost my job', 'my mother fell ill , and i feel guilty .']

  test('comet-mini: the tails of a slow search, in one batch and alone', async (gpu) => {
    const folder = packagedModel('comet-mini')
    await using comet = await Comet.load(folder, { adapter: gpu.adapter.name })
    assert.equal([comet.kind, comet.adapter.name], ['comet-mini', gpu.adapter.name])
    assert.equal(comet.relations, RELATIONS)
    const relations = ['xReact', 'oWant']
    const found = await comet.tails(events, { relations })
    const tokenizer = await Tokenizer.load(folder)
    for (const [i, event] of events.entries()) {
      const [alone] = await comet.tails([event], { relations })
      assertTails(alone!, found[i]!)
      for (const relation of relations) {
        const query = [...(await tokenizer.encode(event)), tokenizer.eosId]
        const said = { maxLength: 12, numBeams: 3, numReturnSequences: 3, earlyStopping: true }
        const expected = await slowly(gpu, folder, query, said, { decoderStartId: tokenizer.idOf(`[${relation}]`)! })
        assert.is(expected.length, 3)
        assert.equal(texts(found[i]!.tails[relation]), texts(expected), `${event} ${relation}`)
        assertClose(scores(found[i]!.tails[relation]), scores(expected), 1e-4)
      }
    }
    assert.not.equal(found[0]!.tails, found[1]!.tails)
  })

  test('COMET-BART with and without [GEN]: the tails of a slow search, as its files say', async (gpu) => {
    const event = 'i cry'
    const bytes = [...Buffer.from(event)].map((byte) => BART_IDS.byte + byte)
    const task = { num_beams: 3, min_length: 6, max_length: 9, no_repeat_ngram_size: 2, prefix: 'x' }
    for (const gen of [false, true]) {
      const folder = await cometBart(gen, {
        num_beams: 4,
        max_length: 99,
        task_specific_params: { summarization: task },
      })
      await using comet = await Comet.load(folder, { adapter: gpu.adapter.name })
      assert.is(comet.kind, 'comet-bart')
      const [found] = await comet.tails([event], { relations: ['xReact', 'HinderedBy'] })
      const { start, end, xReact } = BART_IDS
      const query = [start, ...bytes, xReact, ...(gen ? [BART_IDS.gen] : []), end]
      const said = { numBeams: 3, numReturnSequences: 3, minLength: 6, maxLength: 9, noRepeatNgramSize: 2 }
      const expected = await slowly(gpu, folder, query, said)
      assert.is(expected.length, 3)
      assert.equal(texts(found!.tails.xReact), texts(expected))
      assertClose(scores(found!.tails.xReact), scores(expected), 1e-4)
      assert.not.equal(found!.tails.HinderedBy, found!.tails.xReact)
      // The caller overrules the folder.
      const [own] = await comet.tails([event], { relations: ['xReact'], numBeams: 5, maxNewTokens: 4, minLength: 0 })
      const overruled = { ...said, numBeams: 5, numReturnSequences: 5, minLength: 0, maxLength: 5 }
      assert.equal(texts(own!.tails.xReact), texts(await slowly(gpu, folder, query, overruled)))
    }
  })

  test('COMET-BART: generation_config.json says last, of single ids too', async (gpu) => {
    const ids = { decoder_start_token_id: 0, forced_bos_token_id: 77, eos_token_id: 2 }
    const generation = { num_beams: 2, max_length: 7, do_sample: true, temperature: 0.5, top_k: 3, ...ids }
    const folder = await cometBart(false, { num_beams: 4 }, { 'generation_config.json': generation })
    const warnings: string[] = []
    const onWarning = (message: string) => warnings.push(message)
    await using comet = await Comet.load(folder, { adapter: gpu.adapter.name, onWarning })
    assert.equal(warnings, [`${folder}: tails are searched for with beams, without do_sample true`])
    const [found] = await comet.tails(['a'], { relations: ['xReact'] })
    const { start, byte, xReact, end } = BART_IDS
    const expected = await slowly(
      gpu,
      folder,
      [start, byte + 97, xReact, end],
      { numBeams: 2, numReturnSequences: 2, maxLength: 7 },
      { decoderStartId: 0, forcedFirst: [77] },
    )
    assert.ok(texts(expected).every((text) => text.startsWith(String.fromCharCode(77 - byte))))
    assert.equal(texts(found!.tails.xReact), texts(expected))
    assertClose(scores(found!.tails.xReact), scores(expected), 1e-4)
  })

  test('COMET-2019 by the names of its program: the tails of a slow search over its twin', async (gpu) => {
    const from = await hubNames()
    const folder = await comet2019(from)
    await using comet = await Comet.load(folder, { adapter: gpu.adapter.name })
    assert.equal([comet.kind, comet.relations.length], ['comet-2019', 9])
    const [event, xReact, END] = ['eat ___ zat', 23, 15]
    const options = resolveOptions({ ...usualSearch, maxLength: 9 })
    const [found, batch] = await Promise.all([
      comet.tails([event], { relations: ['xReact'], maxLength: 9 }),
      comet.tails(['a', event, 'eats . '.repeat(30)], { maxLength: 9 }),
    ])
    // eat</w>, <blank>, <unk>, at</w>; padding to 17, and the relation.
    const prompt = [11, 25, 0, 10, ...new Array<number>(13).fill(0), xReact]
    const mask = (ids: readonly number[]) => ids.map((id, i) => (i < 17 && id === 0 ? 0 : 1))
    const tensors = await tensorsOf(from)
    const sizes = { layers: GPT_SIZES.n_layer, heads: GPT_SIZES.n_head }
    const rules = { ...tokenRules({ vocabSize: 26, eosIds: [END], padId: 0, decoderStartId: 0 }), forcedLast: [END] }
    const scoresOf = (sequences: readonly (readonly number[])[]) =>
      sequences.map((ids) => {
        const row = logSoftmax(Float32Array.from(gpt(tensors, sizes, ids, mask(ids)).slice(-26)))
        processScores(row, { history: ids, drawn: ids.length - prompt.length }, options, rules)
        return row
      })
    const expected = await beamSearch(scoresOf, prompt, END, { ...options, maxLength: 17 + 9 })
    const tokenizer = await Tokenizer.load(folder)
    const queries = new CometQueries(tokenizer, { maxPositions: 52 })
    assert.equal(
      texts(found[0]!.tails.xReact),
      expected.map(({ ids }) => queries.tail(ids.slice(prompt.length))),
    )
    const sums = expected.map(({ score }) => score)
    assertClose(scores(found[0]!.tails.xReact), sums, 1e-4)
    assertTails({ ...batch[1]!, tails: { xReact: batch[1]!.tails.xReact! } }, found[0]!)
    // 120 ids, of which 17 are read.
    assert.equal(
      batch.map(({ cut }) => cut),
      [0, 0, 120 - 17],
    )
  })
})

const comets = suite('engine/comet, what is asked')

comets('one beam, fewer tails than beams, fewer ids, and no relation twice', async () => {
  await using comet = await Comet.load(await tinyComet(), { adapter })
  const [usual] = await comet.tails(['i cry'])
  assert.equal(Object.keys(usual!.tails), RELATIONS)
  for (const tails of Object.values(usual!.tails)) assert.is(tails.length, 5)
  const [greedy] = await comet.tails(['i cry'], { numBeams: 1, relations: ['oReact', 'xWant', 'oReact'] })
  assert.equal(Object.keys(greedy!.tails), ['oReact', 'xWant'])
  assert.equal([greedy!.tails.oReact!.length, greedy!.tails.xWant!.length], [1, 1])
  const [two] = await comet.tails(['i cry'], { numReturnSequences: 2 })
  for (const [relation, tails] of Object.entries(two!.tails)) {
    assert.equal(texts(tails), texts(usual!.tails[relation]).slice(0, 2))
  }
  const [short] = await comet.tails(['i cry'], { maxNewTokens: 1 })
  assert.ok(Object.values(short!.tails).every((tails) => tails.length > 0))
  assert.equal([await comet.tails([]), await comet.tails([], { relations: [] })], [[], []])
  const [nothing] = await comet.tails(['i cry'], { relations: [] })
  assert.equal(nothing, { event: 'i cry', tails: {}, cut: 0 })
})

comets(
  'more queries than are searched together, each as alone; what the model has no positions for is cut',
  async () => {
    await using comet = await Comet.load(await tinyComet(), { adapter })
    const events = Array.from({ length: 9 }, (_, i) => `i am sad ${'and sick '.repeat(i)}`)
    const options = { maxLength: 5, numBeams: 3, numReturnSequences: 2 }
    const all = await comet.tails(events, options)
    for (const i of [0, 4, 8]) assertTails(all[i]!, (await comet.tails([events[i]!], options))[0]!)
    assert.equal(
      all.slice(0, 8).map(({ cut }) => cut),
      new Array(8).fill(0),
    )
    // 48 positions, one of them __end__'s.
    const [long] = await comet.tails(['sad '.repeat(60)], options)
    assert.is(long!.cut, 60 + 1 - 48)
  },
)

comets('weights in f16 and int8 find tails too', async () => {
  for (const dtype of ['f16', 'int8'] as const) {
    const told: number[] = []
    const onProgress = (done: number, total: number, stage: string) => {
      assert.is(stage, 'weights')
      told.push(done / total)
    }
    await using comet = await Comet.load(pathToFileURL(packagedModel('comet-mini')), { adapter, dtype, onProgress })
    assert.is(told.at(-1), 1)
    const [found] = await comet.tails(['i lost my job'], { relations: ['xReact'] })
    assert.ok(texts(found!.tails.xReact).includes('upset'), JSON.stringify(found))
  }
})

comets('a signal stops a search, and the next finds all', async () => {
  await using comet = await Comet.load(await tinyComet(), { adapter })
  const options: TailOptions = { relations: ['xReact', 'xWant'], minLength: 40, maxLength: 40 }
  const [whole] = await comet.tails(['i cry'], options)
  const [none] = await comet.tails(['i cry'], { ...options, signal: AbortSignal.abort() })
  assert.equal(none!.tails, { xReact: [], xWant: [] })
  const stop = new AbortController()
  const started = performance.now()
  const stopped = comet.tails(['i cry'], { ...options, signal: stop.signal })
  setTimeout(() => stop.abort(), 10)
  await stopped
  const partly = performance.now() - started
  const again = performance.now()
  assertTails((await comet.tails(['i cry'], options))[0]!, whole!)
  assert.ok(partly < performance.now() - again, 'stopped before its end')
})

comets('what is wrong is refused', async () => {
  await using comet = await Comet.load(await tinyComet(), { adapter })
  const refuse = (options: object, pattern: RegExp, events: unknown = ['i cry']) =>
    refused(() => comet.tails(events as string[], options), pattern)
  await refuse({}, /^an event must say what happened; it is empty$/, ['i cry', ' \n'])
  await refuse({}, /^events must be a list of strings, got "i cry"$/, 'i cry')
  await refuse({}, /^events must be a list of strings, got \[7\]$/, [7])
  await refuse({}, /too long to encode/, ['a'.repeat(1_000_001)])
  await refuse({ relations: 'xReact' }, /^relations must be a list of strings, got "xReact"$/)
  for (const name of ['xreact', 'the', '', '[xReact]']) {
    await refuse({ relations: [name] }, /has no relation ".*"; of the usual ones it has xIntent|has no relation/)
  }
  await refuse({ relation: ['xReact'] }, /unknown generation option "relation"/)
  await refuse({ numBeams: 0 }, /numBeams must be a whole number at least 1/)
  await refuse({ numBeams: 2, numReturnSequences: 3 }, /numReturnSequences 3 is more than numBeams 2/)
  await refuse({ numReturnSequences: 6 }, /numReturnSequences 6 is more than numBeams 5/)
  await refuse(
    { doSample: true },
    /^doSample: tails are searched for with beams, and not drawn at random; leave it out$/,
  )
  await refuse({ temperature: 1 }, /temperature and numBeams 5 contradict each other/)
  await refuse({ penalizeContext: true }, /^penalizeContext: tails are made apart from their events; leave it out$/)
  assert.is((await comet.tails(['i cry'], { maxLength: 3 })).length, 1)
})

comets('disposed amid a search: it rejects, as does whatever is asked later', async () => {
  const comet = await Comet.load(await tinyComet(), { adapter })
  const pending = [
    comet.tails(['i cry']),
    comet.tails(['i am sad', 'i am glad'], { numBeams: 3, numReturnSequences: 1 }),
  ]
  const ended = Promise.allSettled(pending)
  await Promise.all([comet.dispose(), comet[Symbol.asyncDispose]()])
  for (const it of [...(await ended), ...(await Promise.allSettled([comet.tails(['i cry'])]))]) {
    assert.instance(it.status === 'rejected' && it.reason, DisposedError)
  }
})

comets('a device lost amid a search: it rejects, and the next calls load the model once more', async () => {
  const { open } = Gpu
  const devices: Gpu[] = []
  Gpu.open = async (...args) => {
    const gpu = await open.apply(Gpu, args)
    devices.push(gpu)
    return gpu
  }
  const lose = async () => {
    const { device } = devices.at(-1)!
    device.destroy()
    await device.lost
  }
  try {
    const folder = await tinyComet()
    const comet = await Comet.load(folder, { adapter })
    const options = { relations: ['xReact', 'oWant'], minLength: 30, maxLength: 30 }
    const [before] = await comet.tails(['i cry'], options)
    const amid = Promise.allSettled([comet.tails(['i cry'], options), comet.tails(['i am sad'], options)])
    // Its search is on the way.
    while (comet.idle) await new Promise((resolve) => setImmediate(resolve))
    await lose()
    for (const it of await amid) assert.instance(it.status === 'rejected' && it.reason, DeviceLostError)
    const [first, second] = await Promise.all([comet.tails(['i cry'], options), comet.tails(['i cry'], options)])
    assert.equal([first, second], [[before], [before]])
    assert.equal([devices.length, devices[0]!.disposed, devices[0]!.allocatedBytes > 0], [2, true, true])
    // Where that fails, the next call tries once more.
    await lose()
    renameSync(folder, `${folder}, elsewhere`)
    await refused(() => comet.tails(['i cry'], options), /no such folder/)
    assert.is(devices.at(-1)!.disposed, true)
    renameSync(`${folder}, elsewhere`, folder)
    assert.equal(await comet.tails(['i cry'], options), [before])
    await lose()
    await comet.dispose()
    await comet.tails(['i cry']).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, DisposedError),
    )
  } finally {
    Gpu.open = open
  }
})

comets.run()

const folders = suite('engine/comet, folders')
const load = (folder: string | URL, options: object = {}) => Comet.load(folder, { adapter, ...options })

folders('what cannot be loaded is named, before a device is opened', async () => {
  const options = { adapter: 'no such adapter' }
  await refused(() => load('/no/such', options), /^\/no\/such: no such folder/)
  await refused(
    () => load(new URL('https://example.org/comet'), options),
    /^the COMET’s folder must be a path or a file URL/,
  )
  await refused(() => load('', options), /^the COMET’s folder must be a path/)
  await refused(
    () => load(packagedModel(), options),
    /misc-mini: holds MISC's paper variant, which is no COMET; give the/,
  )
  await refused(() => load(filesFolder({}), options), /has no config\.json; a model folder holds one/)
  await refused(
    () => load(packagedModel('comet-mini'), { ...options, comet: 'x' }),
    /^unknown load option "comet": there are/,
  )
  await refused(
    () => load(packagedModel('comet-mini'), { ...options, dtype: 'f64' }),
    /^dtype must be one of f32, f16, int8/,
  )
  await load(packagedModel('comet-mini'), options).then(
    () => assert.unreachable(),
    (error) => assert.instance(error, NoAdapterError),
  )
})

folders('a model without relations, with too few rows, or with another’s tokenizer is refused by name', async () => {
  const plain = await cometBart(false, {}, { 'added_tokens.json': {} })
  await refused(() => load(plain), new RegExp(`^${plain}: this is no COMET: its vocabulary has none of the relations`))
  const few = await tinyComet({ vocab_size: 5772 })
  await refused(() => load(few), new RegExp(`^${few}: the tokenizer has 5773 ids, config\\.json says 5772`))
  const { vocab, merges } = { vocab: { '<unk>': 0, 'a</w>': 1, '\n</w>': 2 }, merges: '' }
  const mixed = await cometBart(
    false,
    {},
    { 'vocab.json': vocab, 'merges.txt': merges, 'added_tokens.json': undefined },
  )
  writeFileSync(join(mixed, 'added_tokens.json'), '{}')
  await refused(
    () => load(mixed),
    /its tokenizer is that of comet-2019, but its weights are those of a plain backbone; take all/,
  )
  // More rows than ATOMIC has tokens: those of other relations, unless a file says what they are.
  const wide = await hubNames(30)
  const conceptNet = await comet2019(wide)
  await refused(
    () => load(conceptNet),
    /config\.json says 30 .*, and COMET-2019 of ATOMIC has 26 ids: one of ConceptNet has other relations/,
  )
  await refused(
    async () => load(await comet2019(wide, { 'added_tokens.json': { '<AtLocation>': 14, '<CapableOf>': 15 } })),
    /the usual order .* gives "<START>" id 14/,
  )
  const atomic = Object.fromEntries(COMET_2019_TOKENS.map((token, i) => [token, 14 + i]))
  await using padded = await load(await comet2019(wide, { 'added_tokens.json': atomic }))
  assert.is(padded.kind, 'comet-2019')
  const bart = { 'added_tokens.json': { AtLocation: 260, CapableOf: 261 } }
  await refused(async () => load(await cometBart(false, {}, bart)), /its vocabulary has none of the relations xReact/)
  const small = await comet2019(await hubNames(25))
  await refused(() => load(small), new RegExp(`^${small}: the tokenizer has 26 ids, config\\.json says 25`))
})

folders('what its files say of tails is checked', async () => {
  const said = (files: Record<string, unknown>, config = {}) =>
    load('', {}).catch(() => cometBart(false, config, files).then((it) => load(it)))
  await refused(
    () => said({ 'generation_config.json': { num_beams: 0 } }),
    /num_beams must be a whole number at least 1/,
  )
  await refused(() => said({ 'generation_config.json': '[]' }), /generation_config\.json must be a JSON object/)
  await refused(() => said({ 'generation_config.json': '{' }), /generation_config\.json: not JSON/)
  await refused(
    () => said({}, { task_specific_params: { summarization: 3 } }),
    /task_specific_params\.summarization must be/,
  )
  await refused(
    () => said({ 'generation_config.json': { num_beams: 2, num_return_sequences: 3 } }),
    /num_return_sequences 3 is more than .*num_beams 2/,
  )
  const warnings: string[] = []
  const folder = await cometBart(false, { num_return_sequences: 2, diversity_penalty: 0.5, num_beam_groups: 1 })
  await using comet = await load(folder, { onWarning: (it: string) => warnings.push(it) })
  assert.equal(warnings, [`${folder}/config.json: replies are drawn without diversity_penalty 0.5`])
  assert.is((await comet.tails(['a'], { relations: ['xReact'] }))[0]!.tails.xReact!.length, 2)
})

folders('where its files say nothing, tails are as long as those of its program', async () => {
  const longest = async (folder: string) => resolveOptions(...(await readCometFolder(folder)).defaults).maxLength
  assert.is(await longest(await cometBart(false)), 24)
  assert.is(await longest(await comet2019(await hubNames())), 35)
  assert.is(await longest(packagedModel('comet-mini')), 12)
})

folders('the packaged one is the default', async () => {
  await using comet = await Comet.load(undefined, { adapter })
  assert.is(comet.kind, 'comet-mini')
})

folders.run()
