import type { Gpu } from '../gpu/gpu.js'
import type { Model, ModelConfig } from '../models/model.js'
import { type DistributionChange, distributionChange, type IdChange, idChange } from './distribution.js'
import { batches, ReplyScorer, type ReplyScores, type ScoredReply } from './perplexity.js'
import type { CaseInputs } from './reference-case.js'
import type { RepliesToScore } from './replies.js'

/** A model on a device: one of two that are compared. */
export interface LoadedModel {
  readonly gpu: Gpu
  readonly model: Model
}

/** What two runs say of the same replies. */
export interface ReplyComparison {
  readonly scores: readonly ReplyScores[]
  /** Those of the other. */
  readonly others: readonly ReplyScores[]
  readonly change: DistributionChange
}

/**
 * Scores replies by both of two models, teacher-forced, and compares all their probabilities, a few replies at a time: of the
 * logits nothing is kept.
 *
 * @param onReplies called with the number of replies that were compared
 */
export async function compareReplies(
  { gpu, model }: LoadedModel,
  other: LoadedModel,
  { replies, vocabulary }: RepliesToScore,
  onReplies?: (count: number) => void,
): Promise<ReplyComparison> {
  const [own, base] = [new ReplyScorer(gpu, model, vocabulary), new ReplyScorer(other.gpu, other.model, vocabulary)]
  const scores: ReplyScores[] = []
  const others: ReplyScores[] = []
  const changes: IdChange[] = []
  try {
    for (const batch of batches(replies)) {
      const some = batch.map((i) => replies[i]!)
      const logits: Float32Array[] = []
      const ofOther = await base.score(some, (reply, rows) => {
        logits[reply] = rows
      })
      const ofOwn = await own.score(some, (reply, rows) =>
        changes.push(...idChanges(rows, logits[reply]!, some[reply]!, vocabulary)),
      )
      for (const [at, i] of batch.entries()) [scores[i], others[i]] = [ofOwn[at]!, ofOther[at]!]
      onReplies?.(batch.length)
    }
  } finally {
    own.dispose()
    base.dispose()
  }
  return { scores, others, change: distributionChange(changes) }
}

function idChanges(own: Float32Array, other: Float32Array, { reply }: ScoredReply, vocabulary: number): IdChange[] {
  const width = own.length / reply.length
  const row = (values: Float32Array, i: number) => values.subarray(i * width, (i + 1) * width)
  return reply.map((id, i) => idChange(row(own, i), row(other, i), id, vocabulary))
}

/** Replies of a case of data. */
const repliesPerCase = 4

/** Replies as inputs of cases, a few in each. */
export function replyCases(
  replies: readonly ScoredReply[],
  { decoderStartId }: ModelConfig,
  data: string,
): CaseInputs[] {
  return Array.from({ length: Math.ceil(replies.length / repliesPerCase) }, (_, i) => {
    const first = i * repliesPerCase
    const some = replies.slice(first, first + repliesPerCase)
    return {
      file: `${data}, replies ${first + 1} to ${first + some.length}`,
      inputs: some.map(({ input }) => input),
      decoderIds: some.map(({ begun = [], reply }) => [decoderStartId, ...begun, ...reply].slice(0, -1)),
      contexts: some.map(() => []),
    }
  })
}
