import type { MiscConfig } from '../models/misc/config.js'
import { type BlockSource, blockRelations, cometBlocks, cometEvents } from '../text/comet-blocks.js'
import type { CometBlock, DialogueInput } from '../text/dialogue.js'
import type { AnswerWatch, Comet } from './comet.js'

/** Texts whose blocks are kept; the one unused for longest makes room. */
const capacity = 1024

/** Writes the blocks of dialogues (eq. 2): asks a COMET what it infers of the seeker's last post, and of the situation. */
export class BlockWriter {
  /** Least recently used first. */
  readonly #written = new Map<string, Promise<CometBlock[]>>()
  readonly #limits: Readonly<Record<BlockSource, number>>

  constructor(
    readonly comet: Comet,
    { maxPostBlocks, maxSituationBlocks }: Pick<MiscConfig, 'maxPostBlocks' | 'maxSituationBlocks'>,
  ) {
    this.#limits = { post: maxPostBlocks, situation: maxSituationBlocks }
  }

  /**
   * The blocks of a dialogue, both texts in one batch; of a text that was seen before they are there already.
   *
   * @param watch told how the COMET's answers come about, unless they are there or on their way already
   * @returns undefined once the signal says stop. What is under way goes on, for whoever asks next.
   */
  async write(
    dialogue: Pick<DialogueInput, 'dialogue' | 'situation'>,
    { signal, watch }: { readonly signal?: AbortSignal | undefined; readonly watch?: AnswerWatch | undefined } = {},
  ): Promise<Record<BlockSource, CometBlock[]> | undefined> {
    const events = cometEvents(dialogue)
    const blocks = Promise.all([
      this.#blocks('post', events.post, watch),
      this.#blocks('situation', events.situation, watch),
    ])
    const found = await (signal ? Promise.race([blocks, aborted(signal)]) : blocks)
    return found && { post: found[0], situation: found[1] }
  }

  /** What was written so far is written again when it is next asked for. */
  forget(): void {
    this.#written.clear()
  }

  #blocks(source: BlockSource, event: string | undefined, watch?: AnswerWatch): Promise<CometBlock[]> {
    if (event === undefined) return Promise.resolve([])
    const key = `${source} ${event}`
    const blocks = this.#written.get(key) ?? this.#ask(source, event, watch)
    this.#written.delete(key)
    this.#written.set(key, blocks)
    const [oldest] = this.#written.keys()
    if (this.#written.size > capacity) this.#written.delete(oldest!)
    // What failed is asked again.
    blocks.catch(() => this.#written.delete(key))
    return blocks
  }

  async #ask(source: BlockSource, event: string, watch?: AnswerWatch): Promise<CometBlock[]> {
    const { comet } = this
    const relations = blockRelations[source].filter((it) => comet.relations.includes(it))
    const [answer] = await comet.answer([{ event, relations }], {}, { watch })
    const texts = Object.entries(answer!.tails).map(
      ([relation, list]) => [relation, list.map(({ text }) => text)] as const,
    )
    return cometBlocks(Object.fromEntries(texts), source, this.#limits[source])
  }
}

/** Resolves when the signal says stop; the listener goes with the signal. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
