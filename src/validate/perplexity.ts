import type { Gpu } from '../gpu/gpu.js'
import type { Model } from '../models/model.js'
import { type KvCache, wholeSequences } from '../nn/kv-cache.js'
import { Run } from '../nn/run.js'
import { tokenLoss } from '../ops/token-loss.js'

/** A dialogue, as a model reads it, and the reply that came. */
export interface ScoredReply<Input = unknown> {
  readonly input: Input
  /** Ids that the decoder reads after the start id and that are not scored: BlenderBot-Joint's strategy. */
  readonly begun?: readonly number[]
  /** Its ids, EOS last unless it was cut; together with `begun` at most as many as the decoder has positions. */
  readonly reply: readonly number[]
}

/** What a model says of each id of a reply, given those before it. */
export interface IdScores {
  /** Cross-entropy in nats. */
  readonly losses: Float32Array
  /** The ids it held likeliest. */
  readonly bestIds: Uint32Array
}

/** What a model says of a reply, and tells of its dialogue. */
export interface ReplyScores<Told = unknown> extends IdScores {
  readonly told: Told
}

/** Replies computed together at most: bounds the memory of their caches. */
const mostReplies = 8
/** Ids computed together at most, unless one reply alone has more: bounds that of the logits. */
const mostIds = 256

/**
 * Scores replies, teacher-forced: the decoder reads the start id and the reply, and MISC's the strategy mixture that it predicts,
 * or the dialogue's own. Replies of like length share a pass; only a loss and an id for each id, and what the model tells, are
 * read back.
 *
 * @param vocabulary the ids that take part: rows of the embedding beyond them are no tokens
 * @param onReplies called with the number of replies that a pass has scored.
 */
export async function scoreReplies<Input, Told>(
  gpu: Gpu,
  model: Model<Input, Told>,
  replies: readonly ScoredReply<Input>[],
  vocabulary: number,
  onReplies?: (count: number) => void,
): Promise<ReplyScores<Told>[]> {
  const scorer = new ReplyScorer(gpu, model, vocabulary)
  const scores: ReplyScores<Told>[] = []
  try {
    for (const batch of batches(replies)) {
      const scored = await scorer.score(batch.map((i) => replies[i]!))
      for (const [at, i] of batch.entries()) scores[i] = scored[at]!
      onReplies?.(batch.length)
    }
  } finally {
    scorer.dispose()
  }
  return scores
}

/** exp of the mean loss of all ids. */
export function perplexity(scores: readonly IdScores[]): number {
  let [nats, ids] = [0, 0]
  for (const { losses } of scores) {
    for (const loss of losses) nats += loss
    ids += losses.length
  }
  return Math.exp(nats / ids)
}

/** What the decoder reads of a reply, after the start id. */
const wholeReply = ({ begun = [], reply }: ScoredReply): number[] => [...begun, ...reply]

/** Indices of replies to compute together, shortest first. */
export function batches(replies: readonly ScoredReply[]): number[][] {
  const found: number[][] = []
  const length = (i: number) => wholeReply(replies[i]!).length
  for (const i of [...replies.keys()].sort((a, b) => length(a) - length(b))) {
    const batch = found.at(-1)
    // All are padded to the longest, which comes last.
    if (batch && batch.length < mostReplies && (batch.length + 1) * length(i) <= mostIds) batch.push(i)
    else found.push([i])
  }
  return found
}

/** Scores a few replies at a time. */
export class ReplyScorer<Input, Told> {
  readonly #run: Run<unknown>
  readonly #cache: KvCache

  constructor(
    readonly gpu: Gpu,
    readonly model: Model<Input, Told>,
    readonly vocabulary: number,
  ) {
    this.#run = new Run(gpu, model.weights)
    this.#cache = model.createCache({ slots: mostReplies })
  }

  /** @param onLogits given the logits too, a row of the embedding's for each id of each reply that is scored */
  async score(
    replies: readonly ScoredReply<Input>[],
    onLogits?: (reply: number, rows: Float32Array) => void,
  ): Promise<ReplyScores<Told>[]> {
    const { gpu, model } = this
    const { decoderStartId } = model.config
    const wholes = replies.map(wholeReply)
    const length = Math.max(...wholes.map((ids) => ids.length))
    const rows = replies.length * length
    // What pads a shorter reply stands after its last id, where nothing that counts can see it.
    const padded = (ids: readonly number[]) => Array.from({ length }, (_, i) => ids[i] ?? decoderStartId)
    const ids = wholes.map((whole) => padded([decoderStartId, ...whole.slice(0, -1)]))
    const inputs = replies.map(({ input }) => input)
    const targetIds = Uint32Array.from(wholes.flatMap(padded))

    const losses = gpu.tensor('losses', [rows])
    const bestIds = gpu.tensor('best-ids', [rows], 'u32')
    const width = model.config.vocabSize
    const kept = onLogits && gpu.tensor('logits.kept', [rows, width])
    const started = await this.#run.submit((pass) => {
      const started = model.start(pass, inputs, this.#cache, [...inputs.keys()])
      const logits = model.step(pass, this.#cache, wholeSequences(pass.scratch, ids))
      const targets = pass.scratch.upload('targets', [rows], targetIds)
      if (kept) pass.recorder.copy(logits, kept, rows * width)
      tokenLoss(pass.recorder, { logits, targets, losses, bestIds }, rows, this.vocabulary)
      return started
    }, 'scoring replies')
    const [lossValues, bestValues] = [await gpu.readF32(losses), (await gpu.read(bestIds)) as Uint32Array]
    const told = started.read(await Promise.all(started.tensors.map((tensor) => gpu.readF32(tensor))))
    gpu.free(losses, bestIds)
    if (kept) {
      const values = await gpu.readF32(kept)
      gpu.free(kept)
      for (const [i, { begun = [], reply }] of replies.entries()) {
        const first = i * length + begun.length
        onLogits(i, values.subarray(first * width, (first + reply.length) * width))
      }
    }
    return replies.map(({ begun = [], reply }, i) => {
      const first = i * length + begun.length
      return {
        losses: lossValues.slice(first, first + reply.length),
        bestIds: bestValues.slice(first, first + reply.length),
        told: told[i]!,
      }
    })
  }

  dispose(): void {
    this.#cache.dispose()
    this.#run.dispose()
  }
}
