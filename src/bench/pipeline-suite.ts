import { mean, median } from 'simple-statistics'
import { cometFolder } from '../engine/load-options.js'
import { Misc } from '../engine/misc.js'
import type { ReplyBlock, ReplyTimings } from '../engine/reply.js'
import { GpuError, InputError } from '../errors.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { modelFolder } from '../io/model-folder.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { adoptTuning } from '../platform/node/tuning-file.js'
import type { CometBlock, DialogueInput } from '../text/dialogue.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { PipelineReport, TurnsReport } from './report.js'
import { sum, summarize } from './statistics.js'
import { repeated, type SuiteContext } from './suite.js'
import { makeTurn } from './turns.js'

/** Where a model lies, and who writes its blocks. */
export interface PipelineFolders {
  readonly model: string
  readonly comet: string
}

/** Runs that {@link pipelineSuite} reports to `onRun`. */
export const pipelineSuiteRuns = 1
/** Ids of a reply: the first word is among them. */
const ids = 8

/**
 * What {@link pipelineSuite} works with.
 *
 * @param comet default: as the engine finds it
 * @throws InputError where there is no COMET, or tokenizer files are missing
 */
export async function pipelineFolders(folder: string, comet?: string): Promise<PipelineFolders> {
  const model = await modelFolder(folder)
  const found = await cometFolder(model, comet)
  if (found === undefined) {
    throw new InputError(`${folder}: has no folder comet, so nobody writes blocks: name a COMET's with --comet`)
  }
  for (const it of [model, found]) await Tokenizer.load(it)
  return { model, comet: found }
}

/** Turns of a chat as the engine's users take them: from bare text, and again with the blocks given. */
export async function pipelineSuite(
  context: SuiteContext,
  { model, comet }: PipelineFolders,
  dtype?: WeightDtype | undefined,
): Promise<PipelineReport> {
  const { gpu, workload } = context.rig
  const warn = (message: string) => process.stderr.write(`misc: ${message}\n`)
  // A device of its own takes all its memory with it.
  const own = await openGpu({ adapter: gpu.adapter.name })
  try {
    await adoptTuning(own, warn)
    const misc = await Misc.open(own, model, { comet, dtype, onWarning: warn })
    let turn = 0
    const time = (dialogue: DialogueInput) => timeTurn(misc, dialogue, workload.seed)
    const conversations = await repeated(context, async () => {
      const first = makeTurn(workload.seed, turn++, workload.context)
      const further = { ...makeTurn(workload.seed, turn++, workload.context), situation: first.situation! }
      // No text is known from an earlier conversation, neither its blocks nor their states: or blocks given would be known.
      misc.forget()
      const bare = [await time(first), await time(further)] as const
      misc.forget()
      const given = [await time(withBlocks(first, bare[0])), await time(withBlocks(further, bare[1]))] as const
      return { bare, given }
    })
    const ofTurn = (which: 0 | 1) =>
      turnsReport(conversations.map(({ bare, given }) => ({ bare: bare[which], given: given[which] })))
    return { comet, words: workload.context, ...ofTurn(0), further: ofTurn(1) }
  } finally {
    await own.dispose()
  }
}

/** A reply's beginning, timed. */
interface Turn {
  readonly firstWordMs: number
  readonly timings: ReplyTimings
  readonly blocks: { readonly post: readonly ReplyBlock[]; readonly situation: readonly ReplyBlock[] }
}

/** The same turn from bare text and with its blocks given, again and again. */
function turnsReport(turns: readonly Readonly<Record<'bare' | 'given', Turn>>[]): TurnsReport {
  const of = (kind: 'bare' | 'given', time: (turn: Turn) => number) => summarize(turns.map((it) => time(it[kind])))
  const parts = (kind: 'bare' | 'given') => ({
    first_word_ms: of(kind, (it) => it.firstWordMs),
    first_id_ms: of(kind, (it) => it.timings.firstTokenMs),
    ids: of(kind, ({ timings: { readMs, inferMs } }) => readMs - sum(Object.values(inferMs))),
    context: of(kind, (it) => it.timings.encodeMs),
    first_step: of(kind, ({ timings: { firstTokenMs, readMs, encodeMs } }) => firstTokenMs - readMs - encodeMs),
  })
  const firstWord = (kind: 'bare' | 'given') => median(turns.map((it) => it[kind].firstWordMs))
  return {
    blocks: mean(turns.map(({ bare: { blocks } }) => blocks.post.length + blocks.situation.length)),
    bare: {
      ...parts('bare'),
      queries: of('bare', (it) => it.timings.inferMs.queries),
      tails_start: of('bare', (it) => it.timings.inferMs.tailsStart),
      tails_steps: of('bare', (it) => it.timings.inferMs.tailsSteps),
      blocks: of('bare', (it) => it.timings.inferMs.blocks),
    },
    given: parts('given'),
    ratio: firstWord('bare') / firstWord('given'),
  }
}

async function timeTurn(misc: Misc, dialogue: DialogueInput, seed: number): Promise<Turn> {
  const options = { maxNewTokens: ids, minLength: ids + 1, numBeams: 1, seed }
  const started = performance.now()
  const pieces = misc.stream(dialogue, options)
  let firstWordMs: number | undefined
  for (let next = await pieces.next(); ; next = await pieces.next()) {
    if (next.done) {
      const { timings, blocks } = next.value
      if (firstWordMs === undefined) throw new GpuError('a reply has no word: check the model with misc validate')
      return { firstWordMs, timings, blocks }
    }
    firstWordMs ??= performance.now() - started
  }
}

const withBlocks = (dialogue: DialogueInput, { blocks: { post, situation } }: Turn): DialogueInput => ({
  ...dialogue,
  blocks: { post: post.map(asGiven), situation: situation.map(asGiven) },
})

const asGiven = ({ relation, tail }: ReplyBlock): CometBlock => ({ relation: relation!, tail })
