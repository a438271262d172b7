import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { RELATIONS, type RelationName, STRATEGIES, type StrategyName } from './strategies.js'

/** One utterance of a dialogue. */
export interface Utterance {
  /** Who says it: the person in distress, or the one who supports her. */
  speaker: 'seeker' | 'supporter'
  /** A supporter's; BlenderBot-Joint reads it, and MISC does not. */
  strategy?: StrategyName
  /** What is said, as typed. */
  text: string
}

/** One commonsense inference about an event: `{relation: 'xReact', tail: 'sad'}`. */
export interface CometBlock {
  /** What the tail says of the person. */
  relation: RelationName
  /** A few words. */
  tail: string
}

/** COMET's blocks about the seeker's last post and about the situation. */
export interface DialogueBlocks {
  /** About the seeker's last post. */
  post: CometBlock[]
  /** About the situation. */
  situation: CometBlock[]
}

/** What `misc generate` reads and `reply()` takes: the dialogue so far, oldest utterance first. */
export interface DialogueInput {
  /** What troubles the seeker. The model reads it through blocks about it alone. */
  situation?: string
  /** Oldest first; the reply is to all of it. */
  dialogue: Utterance[]
  /** What a COMET infers; default: what the engine's own does, where it has one. A list that is left out is empty. */
  blocks?: DialogueBlocks
  /** What the supporter truly said next, where that is known: for the reader, no model reads it. */
  reply?: {
    /** The strategy that it was labelled with. */
    strategy?: StrategyName
    /** Its words. */
    text?: string
  }
}

/**
 * A dialogue as ids, for callers who tokenise on their own: the context with [CLS] in front and EOS after each utterance,
 * each block opening with its relation's id. Unlike text, ids are never cut.
 *
 * Transformer, MoEL and MIME read no blocks, have nothing between utterances, and are told by `roles` who says each id.
 */
export interface IdsInput {
  /** Each in the model's own vocabulary. */
  ids: {
    /** The dialogue. */
    context: number[]
    /** A block about the last post each. */
    post?: number[][]
    /** A block about the situation each. */
    situation?: number[][]
    /** Of each id of the context, who says it. */
    roles?: number[]
  }
}

/** The most that one input may hold; what the model's context has no room for is cut later. */
export const DIALOGUE_LIMITS = { utterances: 10_000, blocks: 1_000, characters: 100_000 }

/**
 * Checks a value from outside (parsed JSON) and returns it as a {@link DialogueInput}. Throws an {@link InputError} of
 * one line that names the place, as in `dialogue[2].speaker: expected "seeker" or "supporter", got "me"`.
 */
export function parseDialogue(value: unknown): DialogueInput {
  const input = object(value, 'input', ['situation', 'dialogue', 'blocks', 'reply'])
  const dialogue = Array.from(array(input.dialogue, 'dialogue', DIALOGUE_LIMITS.utterances), utterance)
  if (dialogue.length === 0) fail('dialogue', 'at least one utterance', input.dialogue)
  return {
    ...(input.situation !== undefined && { situation: text(input.situation, 'situation') }),
    dialogue,
    ...(input.blocks !== undefined && { blocks: blocks(input.blocks) }),
    ...(input.reply !== undefined && { reply: trueReply(input.reply) }),
  }
}

/** As {@link parseDialogue}, or ids. What the ids are is for the model's vocabulary and limits to say. */
export function parseInput(value: unknown): DialogueInput | IdsInput {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'ids')) return parseDialogue(value)
  const { ids } = object(value, 'input', ['ids'])
  const { context, post = [], situation = [], roles } = object(ids, 'ids', ['context', 'post', 'situation', 'roles'])
  const list = (ids: unknown, at: string) => array(ids, at, DIALOGUE_LIMITS.characters) as number[]
  const blocks = (value: unknown, at: string) =>
    Array.from(array(value, at, DIALOGUE_LIMITS.blocks), (ids, index) => list(ids, `${at}[${index}]`))
  return {
    ids: {
      context: list(context, 'ids.context'),
      post: blocks(post, 'ids.post'),
      situation: blocks(situation, 'ids.situation'),
      ...(roles !== undefined && { roles: list(roles, 'ids.roles') }),
    },
  }
}

/** The seeker's last utterance, which COMET's post blocks are about; undefined where she has said nothing. */
export const lastSeekerPost = (dialogue: readonly Pick<Utterance, 'speaker' | 'text'>[]): string | undefined =>
  dialogue.findLast(({ speaker }) => speaker === 'seeker')?.text

function utterance(value: unknown, index: number): Utterance {
  const at = `dialogue[${index}]`
  const { speaker, strategy, text: words } = object(value, at, ['speaker', 'strategy', 'text'])
  if (strategy !== undefined && speaker === 'seeker') fail(`${at}.strategy`, 'none for the seeker', strategy)
  return {
    speaker: oneOf(speaker, `${at}.speaker`, ['seeker', 'supporter']),
    ...(strategy !== undefined && { strategy: oneOf(strategy, `${at}.strategy`, STRATEGIES) }),
    text: text(words, `${at}.text`),
  }
}

function trueReply(value: unknown): NonNullable<DialogueInput['reply']> {
  const { strategy, text: words } = object(value, 'reply', ['strategy', 'text'])
  return {
    ...(strategy !== undefined && { strategy: oneOf(strategy, 'reply.strategy', STRATEGIES) }),
    ...(words !== undefined && { text: text(words, 'reply.text') }),
  }
}

function blocks(value: unknown): DialogueBlocks {
  const { post = [], situation = [] } = object(value, 'blocks', ['post', 'situation'])
  const list = (blocks: unknown, at: string) =>
    Array.from(array(blocks, at, DIALOGUE_LIMITS.blocks), (value, index) => {
      const { relation, tail } = object(value, `${at}[${index}]`, ['relation', 'tail'])
      return {
        relation: oneOf(relation, `${at}[${index}].relation`, RELATIONS),
        tail: text(tail, `${at}[${index}].tail`),
      }
    })
  return { post: list(post, 'blocks.post'), situation: list(situation, 'blocks.situation') }
}

function fail(at: string, expected: string, got: unknown): never {
  throw new InputError(`${at}: expected ${expected}, got ${got === undefined ? 'nothing' : quote(got)}`)
}

function object<K extends string>(value: unknown, at: string, keys: readonly K[]): Partial<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(at, `an object with ${keys.join(', ')}`, value)
  }
  for (const key of Object.keys(value)) {
    if (!(keys as readonly string[]).includes(key)) {
      throw new InputError(`${at}: unknown key ${quote(key)}; the keys are: ${keys.join(', ')}`)
    }
  }
  return value
}

/** An array of a program may have holes, which `map` would pass over. */
function array(value: unknown, at: string, limit: number): unknown[] {
  if (!Array.isArray(value)) fail(at, 'an array', value)
  if (value.length > limit) throw new InputError(`${at}: ${value.length} entries, more than the limit of ${limit}`)
  return value
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string') fail(at, 'a string', value)
  if (value.length > DIALOGUE_LIMITS.characters) {
    throw new InputError(`${at}: ${value.length} characters, more than the limit of ${DIALOGUE_LIMITS.characters}`)
  }
  return value
}

function oneOf<T extends string>(value: unknown, at: string, names: readonly T[]): T {
  if (!names.includes(value as T)) fail(at, `one of ${names.map((name) => `"${name}"`).join(', ')}`, value)
  return value as T
}
