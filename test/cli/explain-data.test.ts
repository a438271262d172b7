import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../src/engine/load.js'
import type { Misc } from '../../src/engine/misc.js'
import { featureLimits } from '../../src/engine/model-text.js'
import type { CorpusFigures } from '../../src/explain/corpus-figures.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { replyIds } from '../../src/text/row-features.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { tinyModel } from '../engine-model.js'
import { filesFolder } from '../files-folder.js'
import { fixture } from '../fixtures.js'
import { modelAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'

const data = fixture('text', 'misc-esconv')
const said = ['Question', 'Others', 'Information', 'Question'] as const
const dialog = [
  ...said.flatMap((strategy) => [
    { speaker: 'usr', text: 'i am sad' },
    { speaker: 'sys', text: 'why is that?', strategy },
  ]),
  { speaker: 'usr', text: 'do not know' },
  { speaker: 'sys', text: 'i see' },
]
const esconv = filesFolder({ 'test.jsonl': `${JSON.stringify({ emotion_type: 'fear', dialog })}\n` })

const [adapter] = modelAdapters as [string]
const explain = (...args: string[]) => misc(['explain', ...args, '--adapter', adapter])
async function figuresOf(...args: string[]): Promise<CorpusFigures> {
  const { stdout, stderr, status } = await explain(...args, '--json')
  assert.is(status, 0, stderr)
  return JSON.parse(stdout)
}

const command = suite(`cli/explain-data on ${adapter}`)

command('what a MISC predicts is what it says of each dialogue alone', async () => {
  const folder = await tinyModel(160)
  const rows = await readReplyRows(data, 'dev')
  const tokenizer = await Tokenizer.load(folder)
  await using engine = (await load(folder, { adapter })) as Misc
  const out = tempFolder()
  const { systems } = await figuresOf(folder, '--data', data, '--split', 'dev', '--rows', out)
  const [, ...lines] = readFileSync(join(out, `${basename(folder)}.strategies.jsonl`), 'utf8')
    .trim()
    .split('\n')
  const hits = STRATEGIES.slice(0, 5).map(() => 0)
  for (const [i, row] of rows.entries()) {
    const ids = await replyIds(tokenizer, row, featureLimits(engine.config))
    const input = { context: ids.contextIds, post: ids.postBlocks, situation: ids.situationBlocks }
    const { probs } = (await engine.encode({ ids: input })).strategy
    const kept = JSON.parse(lines[i]!)
    assert.is(kept.reference, row.reply.strategy)
    for (const name of STRATEGIES) assert.ok(Math.abs(kept.probs[name] / probs[name] - 1) < 1e-5, name)
    const ranked = [...STRATEGIES].sort((a, b) => probs[b] - probs[a])
    for (const k of hits.keys()) if (ranked.slice(0, k + 1).includes(row.reply.strategy!)) hits[k]!++
  }
  assert.equal(
    systems[0]!.topAccuracy,
    hits.map((it) => (100 * it) / rows.length),
  )
})

command('another family beside it, rows kept, a torn file gone on with, other arguments refused', async () => {
  const [tiny, joint] = [await tinyModel(160), await jointModel()]
  const out = tempFolder()
  const page = join(out, 'page.html')
  const args = [tiny, '--data', esconv, '--with', joint, '--rows', out]
  const whole = await figuresOf(...args, '--out', page)
  assert.equal([whole.replies, whole.unnamed, whole.stages.by], [4, 1, 'progress'])
  assert.equal(
    whole.systems.map(({ name, made, topAccuracy }) => [name, made.family, topAccuracy.length]),
    [
      [basename(tiny), 'misc', 5],
      [basename(joint), 'joint', 5],
    ],
  )
  assert.match(readFileSync(page, 'utf8'), /^<!doctype html>/)
  const file = join(out, `${basename(joint)}.strategies.jsonl`)
  const text = readFileSync(file, 'utf8')
  // As a kill leaves it: some lines, and the last of them torn.
  const lines = text.split('\n')
  writeFileSync(file, `${lines.slice(0, 3).join('\n')}\n${lines[3]!.slice(0, 20)}`)
  const again = await explain(...args, '--json')
  assert.match(again.stderr, /its last line is torn/)
  assert.equal(JSON.parse(again.stdout), whole)
  assert.is(readFileSync(file, 'utf8'), text)

  const other = await explain(...args, '--limit', '2')
  assert.equal([other.status, other.stdout], [2, ''])
  assert.match(other.stderr, /is of other arguments: there rows is 4, here 2/)
  appendFileSync(file, '{"row": 0}\n')
  assert.match((await explain(...args)).stderr, /row 0 is there twice/)
})

command('without --json: tables', async () => {
  const best = JSON.stringify([...said, 'Others'].map((reference) => ({ reference, hypothesis: 'Others' })))
  const folder = filesFolder({ 'best.json': best })
  const { stdout, status } = await explain(join(folder, 'best.json'), '--data', esconv)
  assert.is(status, 0)
  assert.match(stdout, /^ {2}4 replies of test in .*; 1 others name no strategy$/m)
  assert.match(stdout, /best\.json +25\.0$/m)
  assert.match(stdout, /^ {2}1 Question +0 +0 +0 +0 +2 +0 +0 +0$/m)
})

command('what is wrong is told before anything is computed', async () => {
  const folder = tempFolder()
  const of = async (...args: string[]) => {
    const { status, stdout, stderr } = await explain(...args)
    assert.equal([status, stdout], [2, ''], stderr)
    return stderr
  }
  assert.match(await of(listenersModel('moel-tiny'), '--data', esconv), /MoEL.*predicts no strategy: give a MISC/)
  assert.match(await of(await tinyModel(160), '--data', folder), /holds no test rows/)
  assert.match(await of(await tinyModel(160)), /name a page to write/)
  assert.match(await of(join(folder, 'missing'), '--data', esconv), /missing/)
  assert.match(
    await of(await tinyModel(160), '--data', esconv, '--out', join(folder, 'no', 'page.html')),
    /no\/page\.html/,
  )
  const silent = filesFolder({
    'test.jsonl': JSON.stringify({ dialog: dialog.map(({ speaker, text }) => ({ speaker, text })) }),
  })
  assert.match(await of(await tinyModel(160), '--data', silent), /no reply of test names its strategy/)
  assert.not.ok(existsSync(join(folder, 'no')))
})

command.run()

const golden = skipWithoutShared(suite('cli/explain-data, the authors’ replies'), 'golden/eval')
golden('their strategies for misc-esconv’s test rows give the accuracy that their scorer gives', async () => {
  for (const name of ['ablation_post', 'ablation_situation']) {
    const at = (file: string) => sharedPath('golden', 'eval', name, file)!
    const { systems, stages, replies } = await figuresOf(
      at('strategies.json'),
      '--data',
      sharedPath('data', 'misc-esconv')!,
    )
    const { expected } = JSON.parse(readFileSync(at('expected.json'), 'utf8'))
    assert.equal([replies, stages.by, systems[0]!.name], [1764, 'turn', `${name}/strategies.json`])
    // They tell the likeliest alone.
    assert.is(systems[0]!.topAccuracy.length, 1)
    assert.ok(Math.abs(systems[0]!.topAccuracy[0]! - expected['strategy-accuracy']) < 0.005)
  }
})
golden('of their form with logits: Figure 5 for k 1 to 5, whose k 1 is theirs', async () => {
  const at = sharedPath('golden', 'eval', 'ablation_post', 'strategies.json')!
  const theirs = JSON.parse(readFileSync(at, 'utf8')) as { reference: string; hypothesis: string }[]
  // Where theirs is wrong, the one taken is as far down as the row says: each place from 2 to 8 in turn.
  const places: number[] = []
  const withLogits = theirs.map(({ reference, hypothesis }, i) => {
    const place = reference === hypothesis ? 1 : 2 + (i % 7)
    places.push(place)
    const others = STRATEGIES.map((name) => `[${name}]`).filter((name) => name !== reference && name !== hypothesis)
    const ranking = [hypothesis, ...others]
    if (place > 1) ranking.splice(place - 1, 0, reference)
    return { reference, hypothesis: { logits: STRATEGIES.map((name) => -ranking.indexOf(`[${name}]`)) } }
  })
  const folder = filesFolder({ 'strategies.json': JSON.stringify(withLogits) })
  const { systems } = await figuresOf(join(folder, 'strategies.json'), '--data', sharedPath('data', 'misc-esconv')!)
  const expected = [1, 2, 3, 4, 5].map((k) => (100 * places.filter((it) => it <= k).length) / places.length)
  for (const [i, share] of expected.entries())
    assert.ok(Math.abs(systems[0]!.topAccuracy[i]! - share) < 1e-9, `k ${i + 1}`)
  assert.ok(Math.abs(expected[0]! - 32.03) < 0.005)
})
golden.run()
