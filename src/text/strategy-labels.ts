import { quote } from '../quote.js'
import { type StrategyName, strategyNamed } from './strategies.js'

/** How many unknown labels a warning names. */
const MOST_NAMED = 10

/** Reads the strategies that a data set's supporters are labelled with, and counts the labels that are no strategy. */
export class StrategyLabels {
  readonly #unknown = new Map<string, number>()

  /** The strategy of a label without brackets, null where it is none. */
  strategy(label: string): StrategyName | null {
    const strategy = strategyNamed(label)
    if (strategy === undefined) this.#unknown.set(label, (this.#unknown.get(label) ?? 0) + 1)
    return strategy ?? null
  }

  /** A supporter's text without the label in brackets that it may open with, and the label's strategy. */
  split(text: string): { strategy: StrategyName | null; text: string } {
    const [opening, label] = /^\s*\[([^[\]]*)\]\s*/.exec(text) ?? []
    if (opening === undefined || label === undefined) return { strategy: null, text }
    return { strategy: this.strategy(label), text: text.slice(opening.length) }
  }

  /** What to tell of labels that are no strategy: how many, and which. */
  get warning(): string | undefined {
    if (this.#unknown.size === 0) return undefined
    const labels = [...this.#unknown].sort(([, a], [, b]) => b - a)
    const total = labels.reduce((sum, [, count]) => sum + count, 0)
    const named = labels.slice(0, MOST_NAMED).map(([label, count]) => `${quote(`[${label}]`)} ${count}`)
    const more = labels.length > MOST_NAMED ? `, and ${labels.length - MOST_NAMED} others` : ''
    return `${total} supporter turns have a label that is no strategy, which is left out: ${named.join(', ')}${more}`
  }
}
