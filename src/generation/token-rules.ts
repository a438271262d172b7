/** Ids that end a reply, at most: each is compared with every id drawn. */
export const MAX_EOS_IDS = 64

/** What config.json says of single ids; the config of every family is one. */
export interface ConfigIds {
  /** `vocab_size`, V. */
  readonly vocabSize: number
  /** Each ends an output. */
  readonly eosIds: readonly number[]
  /** Fills what has ended. */
  readonly padId: number
  /** An output starts from it. */
  readonly decoderStartId: number
}

/** What a model's files say of single ids in its replies. All are ids of its vocabulary. */
export interface TokenRules {
  /** A reply starts from it. */
  readonly decoderStartId: number
  /** Each ends a reply; {@link MAX_EOS_IDS} at most, and none where nothing but its length ends one. */
  readonly eosIds: readonly number[]
  /** Stands for the next id where a reply has ended. */
  readonly padId: number
  /** Ids from here on are never part of a reply: those that MISC adds to the vocabulary. */
  readonly firstAddedId: number
  /** Where an opening is drawn before a reply's words, it is one of these ids, whatever is forced: BlenderBot-Joint's strategies. */
  readonly openings: readonly number[]
  /** A reply's first id is one of them, where there are any. */
  readonly forcedFirst: readonly number[]
  /** So is the last id of a reply that gets as long as allowed. */
  readonly forcedLast: readonly number[]
  /** Ids that no reply begins with. */
  readonly forbiddenFirst: readonly number[]
  /** Runs of ids that no reply holds: where all but the last of a run have come, the last is forbidden. */
  readonly forbiddenRuns: readonly (readonly number[])[]
}

/** The rules of a model whose config.json is all there is. */
export function tokenRules(
  { vocabSize, eosIds, padId, decoderStartId }: ConfigIds,
  firstAddedId = vocabSize,
): TokenRules {
  const none = { openings: [], forcedFirst: [], forcedLast: [], forbiddenFirst: [], forbiddenRuns: [] }
  return { decoderStartId, eosIds, padId, firstAddedId, ...none }
}

/** Whether a value from outside is an id of a vocabulary. */
export function isId(value: unknown, vocabSize: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < vocabSize
}

/** The ids of an `eos_token_id`, an id or a list, each once; undefined where it is neither. */
export function readEosIds(value: unknown, vocabSize: number): number[] | undefined {
  const ids: unknown[] = Array.isArray(value) ? value : [value]
  if (ids.length === 0 || ids.length > MAX_EOS_IDS) return undefined
  return ids.every((it) => isId(it, vocabSize)) ? [...new Set(ids)] : undefined
}

/** What {@link readEosIds} takes, in words. */
export const acceptedEosIds = `an id or a list of 1 to ${MAX_EOS_IDS} ids`
