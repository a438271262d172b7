import type { MiscConfig } from '../models/misc/config.js'
import { type BlockSource, blockRelations, cometBlocks, cometEvents } from '../text/comet-blocks.js'
import type { CometBlock, DialogueInput } from '../text/dialogue.js'
import type { AnswerWatch, Comet } from './comet.js'

/** Texts whose blocks are kept, and their characters in all; those unused for longest make room. */
const capacity = { texts: 1024, characters: 1_000_000 }

/** A text to infer blocks of. */
interface Question {
  readonly source: BlockSource
  readonly event: string
}

/** Writes the blocks of dialogues (eq. 2): asks a COMET what it infers of the seeker's last post, and of the situation. */
export class BlockWriter {
  /** Least recently used first. */
  readonly #written = new Map<string, Promise<CometBlock[]>>()
  #characters = 0
  readonly #limits: Readonly<Record<BlockSource, number>>

  constructor(
    readonly comet: Pick<Comet, 'answer' | 'relations' | 'idle'>,
    { maxPostBlocks, maxSituationBlocks }: Pick<MiscConfig, 'maxPostBlocks' | 'maxSituationBlocks'>,
  ) {
    this.#limits = { post: maxPostBlocks, situation: maxSituationBlocks }
  }

  /**
   * The blocks of a dialogue, both texts in one batch; of a text that was seen before they are there already.
   *
   * @param watch told how the COMET's answers come about, unless they are there or on their way already
   * @returns undefined once the signal says stop. What is under way goes on, for whoever asks next.
   * @throws as {@link Comet.tails}; what failed is asked again.
   */
  async write(
    dialogue: Pick<DialogueInput, 'dialogue' | 'situation'>,
    { signal, watch }: { readonly signal?: AbortSignal | undefined; readonly watch?: AnswerWatch | undefined } = {},
  ): Promise<Record<BlockSource, CometBlock[]> | undefined> {
    if (signal?.aborted) return undefined
    const events = cometEvents(dialogue)
    const asked = (['post', 'situation'] as const).flatMap((source) => {
      const event = events[source]
      return event === undefined ? [] : [{ source, event }]
    })
    this.#ask(
      asked.filter((it) => !this.#written.has(keyOf(it))),
      watch,
    )
    const blocks = asked.map(async (it) => [it.source, await this.#recall(keyOf(it))] as const)
    this.#makeRoom()
    const all = Promise.all(blocks)
    const found = await (signal ? unlessAborted(all, signal) : all)
    return found && { post: [], situation: [], ...Object.fromEntries(found) }
  }

  /** What was written so far is written again when it is next asked for. */
  forget(): void {
    this.#written.clear()
    this.#characters = 0
  }

  /** Asks of all in one batch. */
  #ask(questions: readonly Question[], watch: AnswerWatch | undefined): void {
    if (questions.length === 0) return
    const { comet } = this
    const answers = comet.answer(
      questions.map(({ source, event }) => ({
        event,
        relations: blockRelations[source].filter((it) => comet.relations.includes(it)),
      })),
      {},
      { watch },
    )
    for (const [i, it] of questions.entries()) {
      const blocks = answers.then((all) => {
        const tails = Object.entries(all[i]!.tails).map(([name, list]) => [name, list.map(({ text }) => text)] as const)
        return cometBlocks(Object.fromEntries(tails), it.source, this.#limits[it.source])
      })
      this.#keep(keyOf(it), blocks)
    }
  }

  #keep(key: string, blocks: Promise<CometBlock[]>): void {
    this.#written.set(key, blocks)
    this.#characters += key.length
    blocks.catch(() => {
      if (this.#written.get(key) === blocks) this.#drop(key)
    })
  }

  /** Of a text that was asked about. */
  #recall(key: string): Promise<CometBlock[]> {
    const blocks = this.#written.get(key)!
    this.#written.delete(key)
    this.#written.set(key, blocks)
    return blocks
  }

  #makeRoom(): void {
    for (const oldest of this.#written.keys()) {
      if (this.#written.size <= capacity.texts && this.#characters <= capacity.characters) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#written.delete(key)
    this.#characters -= key.length
  }
}

/** A post and a situation of the same words have other blocks. */
const keyOf = ({ source, event }: Question): string => `${source} ${event}`

/** What the work gives; undefined if the signal says stop before. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let stop = () => {}
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
