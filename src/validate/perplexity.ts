import type { Gpu } from '../gpu/gpu.js'
import type { MiscCache } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { DialogueIds } from '../models/misc/misc.js'
import { MiscModel, type StrategyScores } from '../models/misc/model.js'
import { wholeSequences } from '../nn/kv-cache.js'
import { Run } from '../nn/run.js'
import { tokenLoss } from '../ops/token-loss.js'

/** A dialogue and the reply that came. */
export interface ScoredReply {
  readonly dialogue: DialogueIds
  /** Its ids, EOS last; at most as many as the decoder has positions. */
  readonly reply: readonly number[]
}

/** What a model says of each id of a reply, given those before it. */
export interface IdScores {
  /** Cross-entropy in nats. */
  readonly losses: Float32Array
  /** The ids it held likeliest. */
  readonly bestIds: Uint32Array
}

/** What a model says of a reply, and of its strategy, given the dialogue. */
export interface ReplyScores extends IdScores {
  readonly strategy: StrategyScores
}

/** Replies computed together at most: bounds the memory of their caches. */
const mostReplies = 8
/** Ids computed together at most, unless one reply alone has more: bounds that of the logits. */
const mostIds = 256

/**
 * Scores replies, teacher-forced: the decoder reads the start id and the reply, with the strategy mixture that the model
 * predicts, or the dialogue's own. Replies of like length share a pass; only a loss and an id for each id, and the strategies'
 * scores, are read back.
 *
 * @param vocabulary the tokenizer's ids; rows of the embedding beyond them are no tokens, and take no part
 * @param onReplies called with the number of replies that a pass has scored.
 */
export async function scoreReplies(
  gpu: Gpu,
  weights: MiscWeights,
  replies: readonly ScoredReply[],
  vocabulary: number,
  onReplies?: (count: number) => void,
): Promise<ReplyScores[]> {
  const scorer = new ReplyScorer(gpu, weights, vocabulary)
  const scores: ReplyScores[] = []
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

/** Indices of replies to compute together, shortest first. */
function batches(replies: readonly ScoredReply[]): number[][] {
  const found: number[][] = []
  const length = (i: number) => replies[i]!.reply.length
  for (const i of [...replies.keys()].sort((a, b) => length(a) - length(b))) {
    const batch = found.at(-1)
    // All are padded to the longest, which comes last.
    if (batch && batch.length < mostReplies && (batch.length + 1) * length(i) <= mostIds) batch.push(i)
    else found.push([i])
  }
  return found
}

class ReplyScorer {
  readonly #model: MiscModel
  readonly #run: Run<MiscWeights>
  readonly #cache: MiscCache

  constructor(
    readonly gpu: Gpu,
    readonly weights: MiscWeights,
    readonly vocabulary: number,
  ) {
    this.#model = new MiscModel(gpu, weights)
    this.#run = new Run(gpu, weights)
    this.#cache = this.#model.createCache({ slots: mostReplies })
  }

  async score(replies: readonly ScoredReply[]): Promise<ReplyScores[]> {
    const { gpu } = this
    const { decoderStartId } = this.weights.config
    const length = Math.max(...replies.map(({ reply }) => reply.length))
    const rows = replies.length * length
    // What pads a shorter reply stands after its last id, where nothing that counts can see it.
    const padded = (ids: readonly number[]) => Array.from({ length }, (_, i) => ids[i] ?? decoderStartId)
    const ids = replies.map(({ reply }) => padded([decoderStartId, ...reply.slice(0, -1)]))
    const dialogues = replies.map(({ dialogue }) => dialogue)
    const targetIds = Uint32Array.from(replies.flatMap(({ reply }) => padded(reply)))

    const losses = gpu.tensor('losses', [rows])
    const bestIds = gpu.tensor('best-ids', [rows], 'u32')
    const started = await this.#run.submit((pass) => {
      const started = this.#model.start(pass, dialogues, this.#cache, [...dialogues.keys()])
      const logits = this.#model.step(pass, this.#cache, wholeSequences(pass.scratch, ids))
      const targets = pass.scratch.upload('targets', [rows], targetIds)
      tokenLoss(pass.recorder, { logits, targets, losses, bestIds }, rows, this.vocabulary)
      return started
    }, 'scoring replies')
    const [lossValues, bestValues] = [await gpu.readF32(losses), (await gpu.read(bestIds)) as Uint32Array]
    const strategies = started.read(await Promise.all(started.tensors.map((tensor) => gpu.readF32(tensor))))
    gpu.free(losses, bestIds)
    return replies.map(({ reply }, i) => ({
      losses: lossValues.slice(i * length, i * length + reply.length),
      bestIds: bestValues.slice(i * length, i * length + reply.length),
      strategy: strategies[i]!,
    }))
  }

  dispose(): void {
    this.#cache.dispose()
    this.#model.dispose()
    this.#run.dispose()
  }
}
