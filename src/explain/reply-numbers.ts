import type { BySource } from '../engine/explanation.js'
import { SOURCES } from '../models/misc/sources.js'
import type { DocumentWord } from './reply-document.js'

/** A word of MISC's. */
export type CrossedWord = Required<DocumentWord>
export const isCrossed = (word: DocumentWord): word is CrossedWord => word.contributions !== undefined

const bySource = (of: (name: (typeof SOURCES)[number]) => number): BySource =>
  Object.fromEntries(SOURCES.map((name) => [name, of(name)])) as unknown as BySource

/** The part of all that each source has. */
export function shares(norms: BySource): BySource {
  const total = SOURCES.reduce((sum, name) => sum + norms[name], 0)
  return bySource((name) => norms[name] / total)
}

export const meanBySource = (all: readonly BySource[]): BySource =>
  bySource((name) => all.reduce((sum, it) => sum + it[name], 0) / all.length)

/** Place by place, of rows of the same length. */
export const mean = (rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.map((_, i) => rows.reduce((sum, it) => sum + it[i]!, 0) / rows.length)

/** The places of the largest weights, the largest first. */
export const strongest = (weights: readonly number[], count: number): number[] =>
  [...weights.keys()].sort((a, b) => weights[b]! - weights[a]!).slice(0, count)
