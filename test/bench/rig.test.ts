import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { standardSuites } from '../../src/bench/bench.js'
import { reportSections } from '../../src/bench/sections.js'
import { resolveWorkload } from '../../src/bench/workload.js'
import { describeFolder } from '../../src/engine/load-model.js'
import { sizeOf } from '../../src/gpu/tensor.js'
import { renderMarkdown, renderText } from '../../src/plots/section.js'
import { goldenModel } from '../golden.js'
import { jointModel } from '../joint.js'
import { refused } from '../throws.js'
import { checkPage, close, positive, runSuites } from './check-suites.js'

const families = suite('bench: every family')
const [batch, context, tokens] = [2, 20, 4]

/** A small model of a family other than MISC. */
interface Small {
  readonly name: string
  readonly folder: () => Promise<string>
  /** The tensors that a decode step reads whole; of `listeners` as much as `heard` says. */
  readonly step: RegExp
  readonly listeners?: RegExp
  readonly heard?: number
}

const ofBackbone = /^(model\.shared\.weight|final_logits_bias|model\.decoder\.layers\.(?!.*encoder_attn\.[kv]_proj).*)$/
const ofListeners = /^(generator\.proj\..*|decoder\.(?!.*enc_dec\.(key|value)_linear).*)$/
const models: readonly Small[] = [
  {
    ...{ name: 'bart-tiny', folder: () => goldenModel('bart-tiny') },
    step: ofBackbone,
  },
  {
    ...{ name: 'joint-tiny', folder: jointModel },
    step: ofBackbone,
  },
  {
    ...{ name: 'gpt-tiny', folder: () => goldenModel('gpt-tiny') },
    step: /(tokens_embed\.weight|\.h\.\d+\..*)$/,
  },
  {
    ...{ name: 'transformer-tiny', folder: () => goldenModel('transformer-tiny') },
    step: ofListeners,
  },
  {
    ...{ name: 'moel-tiny', folder: () => goldenModel('moel-tiny') },
    step: /^(generator\.proj\..*|decoder\.(?!experts|basic|.*enc_dec\.(key|value)_linear).*)$/,
    // Five of eleven, and the basic one.
    listeners: /^decoder\.(experts|basic)\.(?!.*enc_dec\.(key|value)_linear).*$/,
    heard: 6 / 12,
  },
  {
    ...{ name: 'mime-tiny', folder: () => goldenModel('mime-tiny') },
    step: ofListeners,
  },
]

for (const { name, folder, step, listeners, heard = 0 } of models) {
  families(`${name}: decode and encode have the figures that they promise`, async () => {
    const model = await folder()
    const description = await describeFolder(model)
    const workload = resolveWorkload({ context, tokens, batch, repetitions: 2 }, description)
    const { report, steps } = await runSuites(model, { suites: ['decode', 'encode'], workload })
    assert.equal(steps, ['loading weights', 'decode', 'encode'])
    assert.equal(report.left_out, {})
    assert.equal([report.model.family, report.model.title], [description.family, description.title])
    positive(JSON.parse(JSON.stringify({ ...report, model: {}, workload: {} })), '')

    const { decode, encode } = report.suites
    assert.equal(Object.keys(decode!.ttft_parts_ms), ['encode', 'first_step'])
    assert.equal([decode!.ttft_ms.n, decode!.itl_ms.n, decode!.itl_by_position_ms.length], [2, 6, tokens - 1])
    close(decode!.decode_tokens_per_s, (1000 * batch) / decode!.tpot_ms.mean)
    const { layout, cache } = description
    const floats = (names?: RegExp) =>
      layout.tensors.reduce((sum, it) => sum + (names?.test(it.name) ? sizeOf(it.shape) : 0), 0)
    close(decode!.step_bytes.weights, 4 * (floats(step) + heard * floats(listeners)))
    const all = cache.sideBySide?.reduce((sum, it) => sum + it, 0) ?? cache.layers
    const prompt = description.family === 'gpt' ? context - 1 : 0
    close(
      decode!.step_bytes.self_cache,
      4 * batch * (2 * all * cache.d * (prompt + tokens / 2) + (cache.ofSequence ?? 0)),
    )

    assert.equal(
      encode!.rows.map((it) => [it.name, it.ids]),
      [['encode', batch * context]],
    )
    const counted = ['bart', 'joint'].includes(description.family)
    assert.is(encode!.rows[0]!.mfu !== undefined, counted)
    for (const text of [renderText, renderMarkdown].map((render) => render(reportSections(report)))) {
      for (const words of ['TTFT', 'MBU', 'sampling included', description.title]) {
        assert.ok(text.replaceAll('\\', '').includes(words), words)
      }
      assert.not.match(text, /NaN|undefined|Infinity|blocks/)
    }
    await checkPage(report)
  })
}

families('what MISC alone has is refused by name, and left out where all suites are asked for', async () => {
  const model = await goldenModel('moel-tiny')
  const workload = resolveWorkload({ context, tokens, repetitions: 1 }, await describeFolder(model))
  for (const name of ['blocks', 'kernels', 'pipeline'] as const) {
    const message = new RegExp(`holds MoEL, .* and the suite ${name} is for MISC alone: leave it out`)
    await refused(() => runSuites(model, { suites: ['decode', name], workload }), message)
  }
  const { report } = await runSuites(model, { suites: standardSuites, optional: standardSuites, workload })
  assert.equal(Object.keys(report.suites), ['decode', 'encode'])
  assert.equal(Object.keys(report.left_out), ['blocks', 'kernels', 'pipeline'])
})

families('scaling grows with the context and the batch, as far as there is room', async () => {
  const model = await goldenModel('gpt-tiny')
  const description = await describeFolder(model)
  const workload = resolveWorkload({ context: 8, tokens: 3, repetitions: 1 }, description)
  const { report } = await runSuites(model, { suites: ['scaling'], workload })
  const { rows } = report.suites.scaling!
  const sizes = [32, 64, 128, 256, 512].filter((at) => at <= description.config.maxPositions - 2)
  assert.equal(
    rows.map(({ grows, at }) => [grows, at]),
    [...sizes.map((at) => ['context', at]), ...[1, 2, 4, 8, 16, 32].map((at) => ['batch', at])],
  )
  for (const { blocks_ms, encode_ms, step_ms } of rows) {
    assert.is(blocks_ms, null)
    assert.ok(encode_ms!.p50 > 0 && step_ms!.p50 > 0)
  }
  await checkPage(report)
})

families.run()
