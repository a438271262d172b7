import type { StrategyScores } from '../metrics/scores.js'
import type { Evaluation } from './eval-figures.js'
import { TABLE_NOTES, type TableNumber } from './eval-systems.js'

/** What is told of perplexities in a table of several models. */
export interface Perplexity {
  /** Which figure of an {@link Evaluation} the column shows. */
  readonly key: 'ppl' | 'ppl-per-piece'
  /** What it is per. */
  readonly per: string
}

/** The paper's names of columns, and whose figure each shows. */
const COLUMNS = [
  ['ACC(%)', 'strategy-accuracy'],
  ['PPL', 'ppl'],
  ['D-1', 'distinct-1'],
  ['D-2', 'distinct-2'],
  ['D-3', 'distinct-3'],
  ['B-1', 'bleu-1'],
  ['B-2', 'bleu-2'],
  ['B-3', 'bleu-3'],
  ['B-4', 'bleu-4'],
  ['F1', 'unigram-f1'],
  ['R-L', 'rouge-l'],
  ['M', 'meteor'],
] as const

const OF_ABLATIONS = ['ACC(%)', 'PPL', 'D-1', 'B-2', 'R-L', 'M']

/** The columns that the paper prints in a table. */
const COLUMNS_OF: Readonly<Record<TableNumber, readonly string[]>> = {
  2: ['ACC(%)', 'PPL', 'D-1', 'D-2', 'B-2', 'B-4', 'R-L', 'M'],
  4: OF_ABLATIONS,
  6: OF_ABLATIONS,
  7: OF_ABLATIONS,
}

const cell = (value: number | null | undefined) => ` ${typeof value === 'number' ? value.toFixed(2) : '-'}`.padStart(8)

/**
 * Evaluations of the same rows, a line each, under the names and in the order of the paper's tables; without `number` every score
 * that there is.
 */
export function evaluationTable(
  evaluations: readonly Evaluation[],
  number: TableNumber | undefined,
  perplexity: Perplexity | undefined,
): string {
  const [first] = evaluations as [Evaluation]
  const columns = COLUMNS.filter(([title, key]) =>
    number ? COLUMNS_OF[number].includes(title) : evaluations.some((it) => it[key] !== undefined),
  )
  const names = evaluations.map(({ name = '' }) => name)
  const width = evaluations.length > 1 ? Math.max(...names.map(({ length }) => length)) : 0
  const value = (it: Evaluation, key: (typeof COLUMNS)[number][1]) => it[key === 'ppl' ? (perplexity?.key ?? key) : key]
  return [
    ' '.repeat(width) + columns.map(([title]) => title.padStart(8)).join(''),
    ...evaluations.map(
      (it, i) => names[i]!.slice(0, width).padEnd(width) + columns.map(([, key]) => cell(value(it, key))).join(''),
    ),
    '',
    ...evaluations.flatMap((it) => topStrategies(it, width > 0 ? `${it.name}: ` : '')),
    ...(perplexity ? [`PPL: ${perplexity.per}`] : []),
    ...(number && TABLE_NOTES[number] ? [TABLE_NOTES[number]] : []),
    ...evaluations.flatMap((it) => ofModel(it, width > 0 ? `${it.name}: ` : '')),
    ...replies(evaluations),
    `METEOR: ${first.wordnet === null ? 'needs WordNet' : `WordNet ${first.wordnet}, as NLTK 3.8 computes it`}`,
    '',
  ].join('\n')
}

function topStrategies(scores: Evaluation, name: string): string[] {
  const top = [2, 3, 4, 5].map((k) => scores[`strategy-top-${k}` as keyof StrategyScores])
  return typeof top[0] === 'number' ? [`${name}strategy among the likeliest 2, 3, 4, 5:${top.map(cell).join('')}`] : []
}

function ofModel({ loss, 'strategy-loss': strategyLoss, ...it }: Evaluation, name: string): string[] {
  if (loss === undefined) return []
  const losses = `${loss.toFixed(4)} nats an id${strategyLoss === undefined ? '' : `, ${strategyLoss.toFixed(4)} a strategy`}`
  return [
    `${name}${it.split}, ${it.tokens} ids of references; weights in ${it.dtype}, on ${it.adapter}`,
    `${name}cross-entropy ${losses} (eq. 8); its vocabulary has ${it.vocabulary} ids`,
  ]
}

/** How many replies of what length; in one line where all are of as many. */
function replies(evaluations: readonly Evaluation[]): string[] {
  const [{ tokenizer }] = evaluations as [Evaluation]
  const counted = evaluations.map((it) => `${it.replies} replies of ${it.length.toFixed(2)} ids on average`)
  if (counted.length === 1) return [`${counted[0]}, by the tokenizer of ${tokenizer}`]
  return [
    ...evaluations.map(({ name }, i) => `${name}: ${counted[i]}`),
    `ids of replies by the tokenizer of ${tokenizer}`,
  ]
}
