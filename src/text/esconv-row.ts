import type { Utterance } from './dialogue.js'
import type { FeatureTexts } from './features.js'
import type { StrategyName } from './strategies.js'

/** The splits of ESConv; `dev` is what its authors call valid. */
export const SPLITS = ['train', 'dev', 'test'] as const

/** One of {@link SPLITS}. */
export type Split = (typeof SPLITS)[number]

/** A turn of a conversation; `strategy` is null where the data names none, or none of ours. */
export interface EsconvTurn {
  speaker: Utterance['speaker']
  strategy: StrategyName | null
  text: string
}

/** A reply of ESConv with all that a model may read before it: the dialogue so far, and COMET's blocks as `[xReact] sad`. */
export interface EsconvRow {
  split: Split
  /** Its place in the split, from 0. */
  row: number
  /** The seeker's, as misc-esconv numbers it; null where it has no number. */
  emotion: number | null
  /** Oldest first. */
  context: EsconvTurn[]
  reply: EsconvTurn
  /** Which turn of its conversation the reply is, from 1, and of how many; null where the data does not tell. */
  place: { turn: number; of: number | null }
  postBlocks: string[]
  situationBlocks: string[]
}

/** What the model reads of a row. */
export const rowTexts = ({ context, postBlocks, situationBlocks }: EsconvRow): FeatureTexts => ({
  utterances: context.map(({ text }) => text),
  postBlocks,
  situationBlocks,
})
