/**
 * What does an explanation cost, and what does it cost who asks for none? One table for one model and adapter:
 *
 *     node --import tsx bench/explain-cost.ts [MODEL] [--adapter NAME] [--ids N] [--runs N]
 *
 * The same reply of so many ids is drawn alone and with its explanation, in turns, so that what else the machine does falls on both;
 * before that it is drawn alone by an engine that never explained. `ms per id` is the median over the runs of the whole call by ids.
 */
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'
import { Misc } from '../src/index.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: 'string' },
    ids: { type: 'string', default: '16' },
    runs: { type: 'string', default: '9' },
  },
})
const [ids, runs] = [Number(flags.ids), Number(flags.runs)]
await using misc = await Misc.load(positionals[0], { adapter: flags.adapter, tune: false })
const input = { dialogue: [{ speaker: 'seeker' as const, text: 'i lost my job and i do not know what to do' }] }
const options = { seed: 1, maxNewTokens: ids, minLength: ids + 1 }

async function msPerId(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / ids
}
const draw = () => msPerId(() => misc.reply(input, options))
const explain = () => msPerId(() => misc.explain(input, options))

// Kernels compile, and blocks are inferred, the first time.
await draw()
const before: number[] = []
for (let i = 0; i < runs; i++) before.push(await draw())
await explain()
const [after, explained]: [number[], number[]] = [[], []]
for (let i = 0; i < runs; i++) {
  explained.push(await explain())
  after.push(await draw())
}
console.log(`${misc.adapter.name}, ${ids} ids, ${runs} runs`)
console.table({
  'drawn alone, nothing was explained before': { 'ms per id': median(before) },
  'drawn alone, in turn with the next': { 'ms per id': median(after) },
  explained: { 'ms per id': median(explained), 'of alone': median(explained) / median(after) },
})
