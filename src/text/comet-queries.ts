import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { RELATIONS, type RelationName } from './strategies.js'
import type { Tokenizer } from './tokenizer.js'

/** The kinds of COMET, told apart by how the vocabulary writes a relation: `xReact`, `[xReact]`, `<xReact>`. */
export type CometKind = 'comet-bart' | 'comet-mini' | 'comet-2019'

/** What a COMET reads to say one relation's tails of an event. */
export interface CometQuery {
  readonly relation: string
  /**
   * Ids, nothing padded: of the encoder, and for COMET-2019 of the decoder's prompt. Queries of an event that the encoder reads
   * alike share one array.
   */
  readonly ids: readonly number[]
  /** The position of each id: 0, 1, 2 …, but for COMET-2019, whose padding takes positions and is left out. */
  readonly positions: readonly number[]
  /** The id before the tail's first, where the relation says it; else it is the model's own start. */
  readonly startId?: number
  /** Ids of the event that there was no room for. */
  readonly cut: number
}

/** How queries are made. */
export interface CometQueryOptions {
  /** Positions of the model's encoder, or of COMET-2019's decoder. */
  readonly maxPositions: number
  /**
   * Whether a query of COMET-BART ends with ` [GEN]`. Default: if `[GEN]` is a token of its own, as added_tokens.json says. A
   * model that was trained with it as mere text needs `true`.
   */
  readonly gen?: boolean | undefined
}

/** Of COMET-2019's 52 positions the event has 17; the relation stands at 17, the tail follows. */
const EVENT_LENGTH = 17
const SPELLINGS: Readonly<Record<CometKind, (relation: string) => string>> = {
  'comet-2019': (relation) => `<${relation}>`,
  'comet-mini': (relation) => `[${relation}]`,
  'comet-bart': (relation) => relation,
}
const GEN = '[GEN]'

/** Texts for a COMET and from it: events to queries, ids to tails. */
export class CometQueries {
  readonly kind: CometKind
  readonly #tokenizer: Tokenizer
  readonly #maxPositions: number
  readonly #gen: boolean

  /**
   * @param tokenizer of the COMET's folder
   * @throws InputError where the vocabulary has no relation, `gen` is asked of another COMET than COMET-BART, or COMET-2019 has
   *   no position for a tail
   */
  constructor(tokenizer: Tokenizer, { maxPositions, gen }: CometQueryOptions) {
    const kinds = Object.keys(SPELLINGS) as CometKind[]
    const kind = kinds.find((kind) => RELATIONS.some((it) => tokenizer.idOf(SPELLINGS[kind](it)) !== undefined))
    if (kind === undefined) {
      throw new InputError(
        'this is no COMET: its vocabulary has none of the relations xReact, [xReact] or <xReact>; are its added tokens there?',
      )
    }
    if (gen !== undefined && kind !== 'comet-bart') {
      throw new InputError(
        `gen is for COMET-BART alone: the relations of this model are written ${SPELLINGS[kind]('xReact')}`,
      )
    }
    if (kind === 'comet-2019' && maxPositions < EVENT_LENGTH + 2) {
      throw new InputError(`COMET-2019 needs ${EVENT_LENGTH + 2} positions at least, this model has ${maxPositions}`)
    }
    this.kind = kind
    this.#tokenizer = tokenizer
    this.#maxPositions = maxPositions
    this.#gen = gen ?? tokenizer.idOf(GEN) !== undefined
  }

  /** Those of the paper's nine relations that the vocabulary has. */
  get relations(): RelationName[] {
    return RELATIONS.filter((relation) => this.#idOf(relation) !== undefined)
  }

  /**
   * A query for each relation of each event, the first event's first, in one go. An event that is too long is cut:
   *
   * - COMET-BART: its end goes, as transformers truncates, but the relation stays. The released program would cut that.
   * - comet-mini: its beginning goes, as in its training.
   * - COMET-2019: what comes after 17 ids goes. The released program fails over 18, and at 18 drops the last. An unknown
   *   piece (id 0) is left out like padding, because the model masks it.
   *
   * @param relations of any name that the vocabulary has: COMET-BART knows more than the paper's nine
   * @throws InputError on a relation that it has not
   */
  async of(events: readonly string[], relations: readonly string[] = this.relations): Promise<CometQuery[]> {
    const tokens = relations.map((relation) => this.#checked(relation))
    if (this.kind === 'comet-bart') return this.#bart(events, relations)
    const encoded = await this.#tokenizer.encodeBatch(events)
    return encoded.flatMap((ids) => {
      const queryOf = this.kind === 'comet-mini' ? this.#mini(ids) : gptQuery(ids)
      return relations.map((relation, index) => ({ relation, ...queryOf(tokens[index]!) }))
    })
  }

  /** The text of a tail's ids: specials and added tokens left out (but COMET-2019's `<blank>`, which is `___`), trimmed. */
  tail(ids: readonly number[]): string {
    const { baseVocabSize } = this.#tokenizer
    const blank = this.kind === 'comet-2019' ? this.#tokenizer.idOf('<blank>') : undefined
    return this.#tokenizer.decode(ids.filter((id) => !(id >= baseVocabSize) || id === blank)).trim()
  }

  /** The text of an id alone, specials too where the tokenizer has one for them. */
  piece(id: number): string {
    const stream = this.#tokenizer.stream(true)
    return stream.push(id) + stream.end()
  }

  /** `<s> {event} {relation} [GEN] </s>`, read as one text: what the spaces come to is for the tokenizer to say. */
  async #bart(events: readonly string[], relations: readonly string[]): Promise<CometQuery[]> {
    const endings = relations.map((relation) => `${relation}${this.#gen ? ` ${GEN}` : ''}`)
    const queries = events.flatMap((event) => endings.map((ending) => `${event} ${ending}`))
    const alone = await this.#tokenizer.encodeBatch(endings)
    const encoded = await this.#tokenizer.encodeBatch(queries)
    return encoded.map((ids, index) => {
      const which = index % relations.length
      const over = Math.max(0, ids.length - this.#maxPositions)
      // Without the <s> that the whole begins with.
      const start = alone[which]!.indexOf(this.#idOf(relations[which]!)!)
      const ending = alone[which]!.slice(start)
      const kept = over === 0 ? ids : [...ids.slice(0, Math.max(0, this.#maxPositions - ending.length)), ...ending]
      return { relation: relations[which]!, ids: kept, positions: [...kept.keys()], cut: over }
    })
  }

  /**
   * `{event} __end__`, as reference/data.py's `comet_event` makes it, no added token in it. The relation is what the decoder
   * starts with, so that an event is encoded once, whatever is asked of it.
   */
  #mini(event: readonly number[]): (relation: number) => Omit<CometQuery, 'relation'> {
    const plain = event.filter((id) => id < this.#tokenizer.baseVocabSize)
    const ids = [...plain.slice(Math.max(0, plain.length - (this.#maxPositions - 1))), this.#tokenizer.eosId]
    const read = { ids, positions: [...ids.keys()], cut: plain.length + 1 - ids.length }
    return (startId) => ({ ...read, startId })
  }

  #idOf(relation: string): number | undefined {
    return this.#tokenizer.idOf(SPELLINGS[this.kind](relation))
  }

  #checked(relation: string): number {
    const id = this.#idOf(relation)
    // Any word of the vocabulary is a token, but no relation.
    if (id !== undefined && id >= this.#tokenizer.baseVocabSize && relation !== GEN) return id
    throw new InputError(
      `this COMET has no relation ${quote(relation)}; of the usual ones it has ${this.relations.join(', ')}`,
    )
  }
}

/** The event's ids, padding to 17, the relation: what the mask lets through of it. */
function gptQuery(event: readonly number[]): (relation: number) => Omit<CometQuery, 'relation'> {
  const kept = event.slice(0, EVENT_LENGTH)
  const seen = [...kept.entries()].filter(([, id]) => id !== 0)
  return (startId) => ({
    ids: [...seen.map(([, id]) => id), startId],
    positions: [...seen.map(([position]) => position), EVENT_LENGTH],
    startId,
    cut: event.length - kept.length,
  })
}
