import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BenchOptions, bench } from '../../src/bench/bench.js'
import { renderPage } from '../../src/bench/page.js'
import type { TurnsReport } from '../../src/bench/report.js'
import { reportSections } from '../../src/bench/sections.js'
import { resolveWorkload } from '../../src/bench/workload.js'
import { describeFolder } from '../../src/engine/load-model.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { renderMarkdown, renderText } from '../../src/plots/section.js'
import { tinyModel } from '../engine-model.js'
import { goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { refused } from '../throws.js'

const pipeline = suite('bench/pipeline-suite')
const comet = packagedModel('comet-mini')

async function run(folder: string, options: Partial<BenchOptions>) {
  const gpu = await openGpu({ adapter: testAdapters[0]! })
  try {
    return await bench(gpu, folder, {
      suites: ['pipeline'],
      workload: resolveWorkload({ context: 30, repetitions: 2, warmups: 1 }, await describeFolder(folder)),
      adapterMs: 1,
      packageVersion: '1.2.3',
      bandwidthBytes: 2 ** 24,
      progress: () => ({ advance: () => {}, [Symbol.dispose]: () => {} }),
      ...options,
    })
  } finally {
    await gpu.dispose()
  }
}

pipeline('takes a turn from bare text apart: its parts add up, in the report, the tables and the page', async () => {
  const report = await run(await tinyModel(), { comet })
  assert.equal(Object.keys(report.suites), ['pipeline'])
  assert.equal(report.left_out, {})
  const { comet: written, words, further, ...first } = report.suites.pipeline!
  assert.equal([written, words], [comet, 30])
  for (const turn of [first, further]) checkTurn(turn)

  const tables = [renderText, renderMarkdown].map((render) => render(reportSections(report)))
  for (const text of [...tables, await renderPage(report)]) {
    for (const words of [
      'first word, bare text',
      'queries',
      'tails: other steps',
      'first word, blocks given',
      'a further turn',
    ]) {
      assert.ok(text.includes(words), words)
    }
  }
  for (const text of tables) assert.not.match(text, /NaN|undefined|Infinity/)
})

pipeline(
  'lacks a COMET or a tokenizer: an error, or left out with the reason where all suites are asked for',
  async () => {
    const [bare, tiny] = [await goldenModel('misc-tiny-paper'), await tinyModel()]
    await refused(() => run(bare, {}), /has no folder comet, so nobody writes blocks: name a COMET's with --comet/)
    await refused(() => run(bare, { comet }), /vocab\.json|tokenizer/)
    await refused(() => run(tiny, { comet: bare, optional: ['pipeline'] }), /vocab\.json|tokenizer/)
    const report = await run(tiny, { optional: ['pipeline'] })
    assert.equal(report.suites, {})
    assert.match(report.left_out.pipeline!, /nobody writes blocks/)
    assert.match(renderText(reportSections(report)), /left out {2}pipeline: .*nobody writes blocks/)
  },
)

/** Two runs, whose parts add up. */
function checkTurn({ bare, given, blocks, ratio }: TurnsReport): void {
  assert.ok(blocks >= 1 && blocks <= 50, `${blocks} blocks`)
  close(ratio, bare.first_word_ms.p50 / given.first_word_ms.p50)
  const { first_word_ms, first_id_ms, ...parts } = bare
  assert.equal(Object.keys(parts).sort(), [
    ...['blocks', 'context', 'first_step', 'ids', 'queries', 'tails_start', 'tails_steps'],
  ])
  close(first_id_ms.mean, sum(Object.values(parts)))
  const { first_word_ms: word, first_id_ms: id, ...givenParts } = given
  assert.equal(Object.keys(givenParts).sort(), ['context', 'first_step', 'ids'])
  close(id.mean, sum(Object.values(givenParts)))
  assert.ok(first_word_ms.mean >= first_id_ms.mean && word.mean >= id.mean)
  for (const [name, { n, min }] of Object.entries({ ...bare, word, id, ...givenParts })) {
    assert.is(n, 2, name)
    assert.ok(min > 0, `${name}: ${min}`)
  }
}

const sum = (parts: readonly { readonly mean: number }[]) => parts.reduce((total, { mean }) => total + mean, 0)

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6 * expected, `${actual}, expected ${expected}`)
}

pipeline.run()
