import { htmlFile } from '../plots/html-file.js'
import { Html, html } from './html.js'
import { replyStyle } from './reply-style.js'

/** What a page says, in markup that is safe. */
export interface PageParts {
  readonly title: string
  readonly heading: string
  /** Below the heading. */
  readonly lead: string
  /** Texts as they are set for a terminal. */
  readonly notices: readonly { readonly kind: 'crisis' | 'soft'; readonly text: string }[]
  readonly main: readonly Html[]
  /** All numbers that are drawn: they go with the page. */
  readonly numbers: unknown
  readonly script?: string
}

/**
 * One HTML file that holds all it needs, its numbers too. Without scripts it shows the same but for what a pointer adds.
 */
export function renderPage({ title, heading, lead, notices, main, numbers, script }: PageParts): string {
  const body = html`<header><h1>${heading}</h1>
<p class="soft">${lead}</p>
${notices.map(notice)}</header>
<main>
${main}
</main>
<script id="numbers" type="application/json">${new Html(JSON.stringify(numbers).replaceAll('<', '\\u003c'))}</script>
${script !== undefined && html`<script>${new Html(script)}</script>`}`
  return htmlFile({ title, style: replyStyle, scripts: true, body: body.markup })
}

/** A text that is set for a terminal, anew: its lines are one paragraph, and those that are set in a list. */
function notice({ kind, text }: PageParts['notices'][number]): Html {
  const lines = text.split('\n')
  const isItem = (line: string) => line.startsWith('  ')
  const items = lines.filter(isItem).map((line) => line.trim().replace(/ {2,}/, ': '))
  return html`<div class="notice small ${kind}" role="note"><p>${lines.filter((it) => !isItem(it)).join(' ')}</p>${
    items.length > 0 && html`<ul>${items.map((it) => html`<li>${it}</li>`)}</ul>`
  }</div>
`
}
