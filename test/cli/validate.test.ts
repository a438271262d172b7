import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { blenderbotModel } from '../blenderbot-model.js'
import { fixture } from '../fixtures.js'
import { goldenCases, goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { rewritten } from '../validate/rewritten.js'
import { misc } from './in-process.js'

const validate = suite('cli/validate')
const model = await goldenModel('misc-tiny-released')
const [one, , three] = goldenCases('misc-tiny-released') as [string, string, string]
const onFirst = ['--adapter', testAdapters[0]!]
const first = (...args: string[]) => misc(['validate', model, ...args, ...onFirst])

validate('JSON: one document on stdout, exit code 0', async () => {
  const { status, stdout } = await first('--reference', one, three, '--json')
  assert.is(status, 0)
  const { cases, ...rest } = JSON.parse(stdout)
  assert.equal(rest, { ok: true, first_failure: null })
  assert.equal(
    cases.map(({ file, mode }: { file: string; mode: string }) => [file, mode]),
    [one, three].flatMap((file) => ['full', 'cached'].map((mode) => [file, mode])),
  )
  assert.equal(Object.keys(cases[0]), ['file', 'mode', 'stages', 'argmax_agreement', 'greedy_agreement'])
  const keys = [
    'name',
    'max_abs',
    'mean_abs',
    'max_rel',
    'mean_rel',
    'added_max_abs',
    'worst',
    'float32_loss',
    'tolerance',
    'ok',
    'range',
  ]
  for (const stage of cases[3].stages) assert.equal(Object.keys(stage), keys)
})

validate('a report: a table for each case and mode, --reference repeated', async () => {
  const { status, stdout } = await first('--reference', three, '--reference', three)
  assert.is(status, 0)
  assert.is(
    stdout.match(/^ {2}stage +max abs +added +mean abs +max rel +mean rel +f32 loses +tolerance +largest +f16 room$/gm)
      ?.length,
    4,
  )
  assert.match(stdout, /^ {2}fusion\.post +\S+ +\S+ +\S+ +\S+ +\S+ +- +2e-4 +\S+ +\S+× {2}ok$/m)
  assert.match(stdout, /^ {2}decoded ids the same: {2}100%$/m)
  assert.match(stdout, /\nok: every stage is within its tolerance, in f32 on .+\n$/)
})

validate('exit code 1 where a stage is off, and its name, with errors that are numbers', async () => {
  const off = await rewritten(three, {
    'decoder.hidden.0': (values) => {
      values[1] = Number.NaN
    },
    logits: (values) => values.fill(9),
  })
  const json = await first('--reference', three, off, '--json')
  assert.is(json.status, 1)
  const { ok, first_failure, cases } = JSON.parse(json.stdout)
  assert.equal([ok, first_failure], [false, 'decoder.hidden.0'])
  const bad = cases[2].stages.filter((stage: { ok: boolean }) => !stage.ok)
  assert.equal(
    bad.map(({ name }: { name: string }) => name),
    ['decoder.hidden.0', 'logits'],
  )
  assert.is(bad[0].max_abs, Number.MAX_VALUE)
  const { status, stdout } = await first('--reference', off)
  assert.is(status, 1)
  assert.match(stdout, /^ {2}decoder\.hidden\.0 +inf +inf +inf +inf +inf +- +2e-4 +\S+ +\S+ {2}BEYOND$/m)
  assert.match(
    stdout,
    /\nNOT ok: the first stage beyond tolerance is decoder\.hidden\.0 \(.*case\.safetensors, full\), in f32 on .*; its value 1 is \S+, the reference has NaN/,
  )
})

validate('models of other families: the stages that their captures hold', async () => {
  for (const [name, stages] of [
    ['blenderbot-tiny', ['encoder.last_hidden_state', 'logits']],
    ['gpt-tiny', ['logits']],
    ['transformer-tiny', ['encoder.last_hidden_state', 'emotion.logits', 'log_probs']],
    ['moel-tiny', ['encoder.last_hidden_state', 'listeners.weights', 'log_probs']],
    ['mime-tiny', ['encoder.last_hidden_state', 'emotion.logits', 'log_probs']],
  ] as const) {
    const files = goldenCases(name)
    const { status, stdout } = await misc([
      'validate',
      await goldenModel(name),
      '--reference',
      ...files,
      '--json',
      ...onFirst,
    ])
    const { ok, cases } = JSON.parse(stdout)
    assert.equal([status, ok, cases.length], [0, true, 2 * files.length])
    for (const found of cases) {
      assert.equal(
        found.stages.map((stage: { name: string }) => stage.name),
        stages,
      )
      const greedy = stages.some((stage) => stage === 'log_probs') ? 1 : null
      assert.equal([found.argmax_agreement, found.greedy_agreement], [1, greedy])
    }
  }
})

validate('--data: models of all families that reply, and by name what replies to nothing', async () => {
  const data = ['--data', fixture('text', 'misc-esconv'), '--split', 'dev', '--limit', '2', '--dtype', 'f16']
  for (const folder of [await jointModel(), await blenderbotModel(), listenersModel('mime-tiny')]) {
    const { status, stdout, stderr } = await misc(['validate', folder, ...data, '--json', ...onFirst])
    assert.ok(status === 0 || status === 1, stderr)
    const { gate, ok } = JSON.parse(stdout)
    // Weights of chance keep to no gate but by chance.
    assert.equal([gate.ok, gate.dtype, gate.rows], [ok, 'f16', 2])
    assert.ok(
      gate.tokens > 2 && gate.ppl_f32 > 1 && gate.ppl !== gate.ppl_f32 && Math.abs(gate.ppl_change) < 0.05,
      stdout,
    )
  }
  for (const [name, words] of [
    ['gpt-tiny', /holds a decoder alone, as COMET-2019 is one, which replies to no dialogue/],
    ['bart-tiny', /holds a BART, as COMET-BART is one, which replies to no dialogue/],
  ] as const) {
    const { status, stdout, stderr } = await misc(['validate', await goldenModel(name), ...data, ...onFirst])
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, words)
  }
})

validate('--data: a dtype against f32 on real replies, as JSON and as words', async () => {
  const data = ['--data', fixture('text', 'misc-esconv'), '--split', 'dev', '--limit', '1']
  const json = await misc(['validate', packagedModel(), ...data, '--dtype', 'int8', '--json', ...onFirst])
  assert.is(json.status, 0, json.stderr)
  const { gate, change, ...rest } = JSON.parse(json.stdout)
  assert.equal(rest, { ok: true, first_failure: null, cases: [] })
  const { ok, dtype, rows, tokens, ppl_f32, ppl, ppl_change, argmax_agreement, ...limits } = gate
  assert.equal([ok, dtype, rows], [true, 'int8', 1])
  assert.equal(limits, { max_ppl_change: 0.01, min_argmax_agreement: 0.97 })
  assert.ok(tokens > 1 && argmax_agreement >= 0.97)
  assert.equal([change.ids, change.same_top.part], [tokens, argmax_agreement])
  assert.ok(change.kld.mean > 0 && change.kld.mean < 0.01 && change.kld.max >= change.kld.p99, json.stdout)
  assert.ok(Math.abs(ppl / ppl_f32 - 1 - ppl_change) < 1e-12)
  const words = await misc(['validate', packagedModel(), ...data, '--dtype', 'f16', ...onFirst])
  assert.is(words.status, 0)
  assert.match(words.stdout, /^1 replies, \d+ ids, teacher-forced, weights in f16\n {2}perplexity \d+\.\d{3}, in f32 /)
  assert.match(words.stdout, /\nok: the gate is kept, in f16 on .+\n$/)
})

validate('--against: the stages of another run, on its inputs; what rounds is beyond what f32 may be', async () => {
  const kernels = await first('--reference', three, '--against', 'kernels=gemv:plain,gemm:plain,attention:plain')
  assert.is(kernels.status, 0, kernels.stderr)
  assert.match(kernels.stdout, /^ {2}decoder\.cross_query\.1 /m)
  assert.match(
    kernels.stdout,
    /\nok: .*, in f32 on (.+), against f32 with kernels gemv:plain, gemm:plain, attention:plain on \1\n$/,
  )
  const dtype = await first('--reference', three, '--against', 'dtype=int8', '--json')
  const { ok, against, cases } = JSON.parse(dtype.stdout)
  assert.equal([dtype.status, ok, against.startsWith('int8 on ')], [0, true, true])
  const logits = cases[0].stages.find(({ name }: { name: string }) => name === 'logits')
  assert.ok(logits.max_abs > 1e-3 && logits.tolerance === 3, dtype.stdout)
})

validate('--against on rows of data: stages, and the probabilities of all ids', async () => {
  const data = ['--data', fixture('text', 'misc-esconv'), '--split', 'dev', '--limit', '1']
  const kernels = ['--against', 'kernels=gemv:plain', '--json']
  const { status, stdout, stderr } = await misc(['validate', packagedModel(), ...data, ...kernels, ...onFirst])
  assert.is(status, 0, stderr)
  const { cases, change, gate } = JSON.parse(stdout)
  assert.equal([cases.length, gate, change.same_top.part], [2, undefined, 1])
  assert.match(cases[0].file, /misc-esconv, replies 1 to 1$/)
  assert.ok(change.kld.max < 1e-6, stdout)
})

validate('bad usage and bad input: exit code 2, one line, nothing on stdout', async () => {
  const none = await rewritten(three, { input_ids: undefined })
  for (const [args, cause] of [
    [[], /^misc: nothing to validate with: give --reference <file\.\.\.>, --data <dir>, or both/m],
    [['--reference', '/no/such.safetensors'], /^misc: \/no\/such\.safetensors: no such file/m],
    [['--reference', none], /holds no tensor input_ids/],
    [['--reference', one, '--tolerance', '0'], /It must be a number above 0/],
    [['--reference', one, '--tolerance', 'Infinity'], /It must be a number above 0/],
    [['--data', '/no/such', '--dtype', 'int8'], /vocab\.json: no such file/],
    [
      ['--data', fixture('text', 'misc-esconv')],
      /^misc: --data compares a dtype with f32.*: add --dtype f16 or --dtype int8/m,
    ],
    [['--reference', one, '--data', '/no/such', '--dtype', 'f32'], /add --dtype f16 or --dtype int8/],
    [['--reference', one, '--against', 'dtype=f64'], /It must be adapter=…, dtype=f32\|f16\|int8 or kernels=…/],
    [['--reference', one, '--against', 'adapter'], /It must be adapter=…/],
    [['--reference', one, '--against', 'dtype=f16', 'dtype=f32'], /dtype is given twice/],
    [['--reference', one, '--against', 'kernels=gemv'], /takes OP:VARIANT, with OP one of gemv, gemm, attention/],
    [['--reference', one, '--limit', '0'], /It must be a whole number above 0/],
    [['--reference', one, '--dtype', 'f64'], /Allowed choices are f32, f16, int8/],
  ] as const) {
    const { status, stdout, stderr } = await first(...args)
    assert.equal([status, stdout], [2, ''], stderr)
    assert.match(stderr, cause)
  }
  assert.is((await misc(['validate', '/no/such', '--reference', one])).status, 2)
  assert.is((await misc(['validate', model, '--reference', one, '--adapter', 'nosuch'])).status, 3)
})

validate('--help shows examples', async () => {
  assert.match((await misc(['validate', '--help'])).stdout, /Examples:\n {2}misc validate model\//)
})

validate.run()
