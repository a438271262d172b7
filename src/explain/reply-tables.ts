import { SOURCES } from '../models/misc/sources.js'
import { Html, html, percent } from './html.js'
import type { DocumentWord, ReplyDocument } from './reply-document.js'
import { blockName, isEnd, wordOf } from './reply-names.js'
import { isCrossed, shares, strongest } from './reply-numbers.js'

/** What the words' section shows, for those who cannot point. */
export function tableSection({ words, context, blocks, made_with }: ReplyDocument): Html {
  const isMisc = words.some(isCrossed)
  const isSampled = made_with.options.doSample
  const named = (names: readonly string[], weights: readonly number[]) =>
    strongest(weights, 3)
      .map((i) => `${names[i]} ${percent(weights[i]!)}`)
      .join(', ')
  const names = {
    context: context.map((it) => (isEnd(it) ? 'an end of turn' : `“${wordOf(it)}”`)),
    post: blocks?.post.map(blockName) ?? [],
    situation: blocks?.situation.map(blockName) ?? [],
  }
  const name = (word: DocumentWord, i: number) => html`<th scope="row">${i + 1}. ${wordOf(word)}</th>`
  const row = (word: DocumentWord, i: number) => {
    const others = word.candidates.filter(({ id }) => id !== word.id).slice(0, 4)
    const runners = others.map((it) => `“${wordOf(it)}” ${percent(it.probability)}`)
    return html`<tr>${name(word, i)}<td data-value="${word.probability}">${percent(word.probability)}</td>${isSampled && html`<td>${word.left}</td>`}
<td class="left wrap">${runners.join(', ') || 'none'}</td>
${isCrossed(word) && SOURCES.map((it) => html`<td data-norm="${word.contributions.sum[it]}">${percent(shares(word.contributions.sum)[it])}</td>`)}</tr>
`
  }
  const looked = (word: DocumentWord, i: number) =>
    isCrossed(word) &&
    html`<tr>${name(word, i)}${(['context', 'post', 'situation'] as const).map((it) => html`<td class="left wrap">${named(names[it], word.attention[it]) || 'none'}</td>`)}</tr>
`
  return html`<section id="table"><h2>The same as tables</h2>
<p class="say">A row for each word: how sure the model was of it${isSampled && ', from how many that were left'}, and what else could have been drawn.
${isMisc && 'Shares are of the norms of eq. 7’s summands over all layers.'}</p>
${scrolling('Word by word, as a table', ['probability', ...(isSampled ? ['left'] : []), html`<span class="left">runners-up</span>`, ...(isMisc ? SOURCES : [])], words.map(row))}
${
  isMisc &&
  html`<p class="say">What each word looked at most in context and blocks, with its part of that source’s attention.</p>
${scrolling(
  'What each word looked at',
  LOOKED.map((it) => html`<span class="left">${it}</span>`),
  words.map(looked),
)}`
}</section>`
}

const LOOKED = ['in the context', 'blocks of the last post', 'blocks of the situation']

/** A table that is moved sideways where the page is narrower, with the keyboard too. */
const scrolling = (label: string, columns: readonly (Html | string)[], rows: readonly (Html | false)[]): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="measure">
<thead><tr><th scope="col" class="left">word</th>${columns.map((it) => html`<th scope="col"${it instanceof Html && html` class="left"`}>${it}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`
