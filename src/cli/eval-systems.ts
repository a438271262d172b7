import { basename, resolve } from 'node:path'
import { InputError } from '../errors.js'
import { ABLATIONS, type Ablation } from '../models/misc/ablation.js'
import { ESCONV_EMOTIONS } from '../text/emotions.js'
import type { EsconvRow } from '../text/esconv-row.js'
import { bracketed } from '../text/strategies.js'

/** The tables of the paper that are of replies that models draw. */
export const TABLES = [2, 4, 6, 7] as const

/** One of {@link TABLES}. */
export type TableNumber = (typeof TABLES)[number]

/** What of a model is other than it is: of MISC alone. Its weights are as they were trained. */
export interface Variant {
  readonly name: string
  /** The source that the decoder does without. */
  readonly leaveOut?: Ablation
  /** What the model reads of a row in its place. */
  readonly reads?: (row: EsconvRow) => EsconvRow
  /** Whether the likeliest strategy takes the place of the mixture. */
  readonly single?: true
}

/** What is evaluated as a row of a table: a model, or a variant of it. */
export interface System {
  /** As the table names it. */
  readonly name: string
  /** What its file is called. */
  readonly file: string
  /** Its folder. */
  readonly model: string
  readonly variant: Variant
}

const FULL: Variant = { name: 'full' }

/** The rows that a table has of each model. */
const VARIANTS: Readonly<Record<TableNumber, readonly Variant[]>> = {
  2: [FULL],
  4: [FULL, ...ABLATIONS.map((leaveOut) => ({ name: `w/o ${leaveOut}`, leaveOut }))],
  6: [FULL, { name: 'emotion', reads: emotionAlone }],
  7: [FULL, { name: 'single strategy', single: true }],
}

/** What is to be known of a table's rows: in the paper most are trained anew. */
export const TABLE_NOTES: Readonly<Record<TableNumber, string | undefined>> = {
  2: undefined,
  4: 'w/o g, s, x: the same weights, without the strategy, the situation’s or the last post’s blocks in the decoder; the paper trains each anew',
  6: 'emotion: the same weights, whose blocks say the conversation’s emotion alone ([xReact] sadness), as MISE’s input; the paper trains MISE anew',
  7: 'single strategy: the same weights, the likeliest strategy in place of the mixture',
}

/**
 * The rows of a table, model by model.
 *
 * @param models folders, at least one
 * @param table default: 2
 */
export function systemsOf(models: readonly string[], table: TableNumber = 2): System[] {
  const names = distinctNames(models.map((model) => basename(resolve(model))))
  return models.flatMap((model, i) => {
    const name = names[i]!
    return VARIANTS[table].map((variant) => {
      if (variant === FULL) return { name, file: `${name}.jsonl`, model, variant }
      const file = `${name}.${variant.name.replace('w/o', 'without').replaceAll(' ', '-')}.jsonl`
      return { name: variant.name, file, model, variant }
    })
  })
}

/** Names, with a number where one is there already. */
export function distinctNames(names: readonly string[]): string[] {
  const counts = new Map<string, number>()
  return names.map((name) => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return count === 1 ? name : `${name}-${count}`
  })
}

/** A row whose blocks say the conversation's emotion and nothing else. @throws InputError where it has none */
function emotionAlone(row: EsconvRow): EsconvRow {
  const emotion = row.emotion === null ? undefined : ESCONV_EMOTIONS[row.emotion]
  if (!emotion) {
    throw new InputError(`row ${row.row} of ${row.split} names no emotion of ESConv, which Table 6 is about`)
  }
  const block = `${bracketed('xReact')} ${emotion}`
  return { ...row, postBlocks: [block], situationBlocks: [block] }
}
