import { ReplySlots } from '../engine/reply-slots.js'
import { type ResolvedOptions, resolveOptions } from '../generation/options.js'
import { processScores } from '../generation/processors.js'
import { rowStatus } from '../ops/sampling-rows.js'
import { type CaseRun, referenceRules } from './case-run.js'
import { argMax } from './comparison.js'
import { type DecodeName, isGreedy, type ReferenceCase, type ReferenceDecode } from './reference-case.js'

/**
 * From the first step on whose two best scores are closer than this, decoded ids are not compared: rounding could decide
 * them. Two scores that are each off by the tolerance of `logits` need more than twice that between them.
 */
const leastMargin = (tolerance: number): number => Math.max(1e-3, 5 * tolerance)

/**
 * Whether each of the reference's decoded ids is the best one after those before it, all in one pass.
 *
 * @param tolerance of logits
 */
export async function decodedAtOnce(run: CaseRun, reference: ReferenceCase, tolerance: number): Promise<boolean[]> {
  const { vocabSize, decoderStartId, padId } = run.model.config
  const rules = referenceRules(run.model.config)
  const agreements: boolean[] = []
  for (const decode of reference.decodes) {
    const length = Math.max(...decode.ids.map((row) => row.length))
    const inputs = decode.ids.map((row) => [
      decoderStartId,
      ...Array.from({ length: length - 1 }, (_, i) => row[i] ?? padId),
    ])
    const logits = await run.logitsOf(inputs)
    forEachDecodedId(decode, tolerance, (id, b, step) => {
      const start = (b * length + step) * vocabSize
      const scores = logits.slice(start, start + vocabSize)
      const history = [...historyOf(decode.name, reference, b, decoderStartId), ...decode.ids[b]!.slice(0, step)]
      if (!isGreedy(decode.name)) {
        processScores(scores, { history, drawn: step }, decodeOptions(decode), rules)
      }
      agreements.push(argMax(scores, 0, vocabSize) === id)
    })
  }
  return agreements
}

/**
 * Whether each of the reference's decoded ids is the one drawn on the GPU.
 *
 * @param tolerance of logits
 */
export async function decodedByStep(run: CaseRun, reference: ReferenceCase, tolerance: number): Promise<boolean[]> {
  if (reference.decodes.length === 0) return []
  const { gpu, model } = run
  const batch = reference.inputs.length
  const agreements: boolean[] = []
  const penalised = new ReplySlots(gpu, model, batch, referenceRules(model.config))
  try {
    for (const decode of reference.decodes) {
      const slots = isGreedy(decode.name) ? run.slots : penalised
      await run.encode(slots)
      const options = decodeOptions(decode)
      for (let b = 0; b < batch; b++) {
        slots.start(b, options, historyOf(decode.name, reference, b, model.config.decoderStartId))
      }
      const drawn: number[][] = decode.ids.map(() => [])
      const running = new Set(drawn.keys())
      for (let step = 0; running.size > 0 && step < Math.max(...decode.ids.map((row) => row.length)); step++) {
        for (const [b, { id, status }] of (await slots.step(batch)).entries()) {
          if (running.has(b)) drawn[b]!.push(id)
          if (status !== rowStatus.running) running.delete(b)
        }
      }
      forEachDecodedId(decode, tolerance, (id, b, step) => agreements.push(drawn[b]![step] === id))
    }
  } finally {
    penalised.dispose()
  }
  return agreements
}

/** The ids that the processors see before the reply's first. */
function historyOf(name: DecodeName, { contexts }: ReferenceCase, b: number, startId: number): number[] {
  return [...(name === 'decode.penalised_context' ? contexts[b]! : []), startId]
}

/** What model-spec §4 says of the goldens' decoding. */
function decodeOptions({ name, ids }: ReferenceDecode): ResolvedOptions {
  const processors = { repetitionPenalty: 1.03, noRepeatNgramSize: 3, minLength: 5 }
  const none = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0 }
  const maxNewTokens = Math.max(...ids.map((row) => row.length))
  return resolveOptions({ doSample: false, maxNewTokens, ...(isGreedy(name) ? none : processors) })
}

/** Every decoded id of each dialogue, up to its first step that rounding could decide. */
function forEachDecodedId(
  decode: ReferenceDecode,
  tolerance: number,
  visit: (id: number, b: number, step: number) => void,
): void {
  decode.ids.forEach((row, b) => {
    const close = decode.margins[b]!.findIndex((margin) => !(margin >= leastMargin(tolerance)))
    row.slice(0, close < 0 ? row.length : close).forEach((id, step) => {
      visit(id, b, step)
    })
  })
}
