import { escapeHtml } from '../plots/section.js'

/** Markup: what {@link html} made, and nothing else. */
export class Html {
  constructor(readonly markup: string) {}

  toString(): string {
    return this.markup
  }
}

type Value = Html | string | number | undefined | false | readonly Value[]

/** A template of markup: whatever is put into it is text and stays text, but for markup made so. */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(strings.reduce((all, string, i) => all + rendered(values[i - 1]) + string))

function rendered(value: Value): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.markup
  return typeof value === 'object' ? value.map(rendered).join('') : escapeHtml(String(value))
}

/** A part of 1, for people, to two digits or a little more: `62 %`, `4.7 %`, `0.56 %`, with a space that does not break. */
export function percent(part: number): string {
  if (part === 0) return '0\u00a0%'
  if (part < 0.0001) return '<\u00a00.01\u00a0%'
  return `${(100 * part).toFixed(part < 0.00995 ? 2 : part < 0.0995 ? 1 : 0)}\u00a0%`
}
