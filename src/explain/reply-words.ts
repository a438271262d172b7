import type { BySource } from '../engine/explanation.js'
import { SOURCES } from '../models/misc/sources.js'
import { type Html, html, percent } from './html.js'
import { attentionParts } from './reply-attention.js'
import type { DocumentWord, ReplyDocument } from './reply-document.js'
import { isEnd, wordOf } from './reply-names.js'
import { type CrossedWord, isCrossed, meanBySource, shares } from './reply-numbers.js'
import { bar } from './reply-sections.js'

/** Candidates that are shown of a word. */
const shownCandidates = 6

/** Every word, how sure the model was of it, and where it came from. */
export function wordsSection(document: ReplyDocument): Html {
  const { words, made_with } = document
  const crossed = words.filter(isCrossed)
  if (words.length === 0)
    return html`<section id="words"><h2>Word by word</h2><p class="say">No word was drawn.</p></section>`
  const least = words.reduce((a, b) => (b.probability < a.probability ? b : a))
  const sentence = `It was least sure of “${wordOf(least)}” (${percent(least.probability)}).`
  return html`<section id="words"><h2>Word by word</h2>
<p class="say">${crossed.length > 0 && `${sharesInWords(crossed)} `}${sentence}
<span class="points"> Point at a word, tap it, or move to it with Tab.</span></p>
${crossed.length > 0 && legend}
<div class="words">${words.map(wordButton)}</div>
<div class="details" aria-live="polite"><div id="whole">${wholeDetails(words)}</div>
${words.map((word, i) => html`<div id="word-${i}" hidden>${wordDetails(word, made_with.options.doSample)}</div>`)}</div>
${crossed.length > 0 && attentionParts(document, crossed)}
</section>`
}

const legend = html`<ul class="legend" aria-label="sources">${SOURCES.map((name) => html`<li><i class="${name}"></i>${name}</li>`)}</ul>`

function wordButton(word: DocumentWord): Html {
  const joins = word.text.endsWith('@@')
  return html`<button type="button" class="word${joins ? ' joins' : ''}" aria-pressed="false" data-probability="${word.probability}"><span class="what">${
    isEnd(word) ? html`<i class="soft">end</i>` : wordOf(word, '')
  }</span>${isCrossed(word) && stack(word.contributions.sum)}<span class="sure">${percent(word.probability)}</span></button>`
}

/** The shares side by side, in a colour and a pattern each. Its numbers stand elsewhere. */
function stack(norms: BySource): Html {
  const parts = shares(norms)
  return html`<span class="stack" aria-hidden="true">${SOURCES.map((name) => html`<i class="${name}" style="width:${(100 * parts[name]).toFixed(2)}%" data-share="${parts[name]}"></i>`)}</span>`
}

function sharesInWords(words: readonly CrossedWord[]): string {
  const parts = shares(meanBySource(words.map((it) => it.contributions.sum)))
  const [context, post, situation, strategy] = SOURCES.map((name) => percent(parts[name]))
  return `Of what cross-attention gave the reply, ${context} came from the context, ${post} from the post’s blocks, ${situation} from the situation’s and ${strategy} from the strategy.`
}

/** What is shown while no word is pointed at: the layers over the whole reply. */
function wholeDetails(words: readonly DocumentWord[]): Html {
  const crossed = words.filter(isCrossed)
  const sure = words.reduce((sum, it) => sum + Math.log(it.probability), 0) / words.length
  const facts = html`<div><h3>The whole reply</h3><p>A word had a probability of ${percent(Math.exp(sure))}, as a geometric mean over
${words.length} ids.</p><p class="soft small">${crossed.length > 0 && 'Bars under the words show how large the four summands of eq. 7 are, by their norms and over all layers; '}the number is the word’s probability.</p></div>`
  if (crossed.length === 0) return facts
  const layers = crossed[0]!.contributions.by_layer.map((_, i) =>
    meanBySource(crossed.map((it) => it.contributions.by_layer[i]!)),
  )
  return html`${facts}${layerTable('mean over words', layers, meanBySource(crossed.map((it) => it.contributions.sum)))}`
}

function wordDetails(word: DocumentWord, isSampled: boolean): Html {
  const { candidates, left, probability, model_probability: own } = word
  const most = candidates[0]?.probability ?? 1
  const first = candidates.slice(0, shownCandidates)
  const shown = first.some((it) => it.id === word.id) ? first : [...first.slice(0, -1), word]
  const rest = 1 - shown.reduce((sum, it) => sum + it.probability, 0)
  const others = left - shown.length
  const rows = shown.map(
    (it) =>
      html`<tr${it.id === word.id && html` class="best"`}><th scope="row">${wordOf(it)}</th><td data-candidate="${it.probability}">${percent(it.probability)}</td>${bar(it.probability / most)}</tr>`,
  )
  return html`<div><h3>“${wordOf(word)}”</h3><p class="small">${percent(probability)} ${
    isSampled ? `of the draw, from ${left} that were left` : 'after the score processors'
  }; ${percent(own)} as the model alone says.</p><table class="measure"><tbody>${rows}</tbody></table>${
    isSampled &&
    others > 0 &&
    html`<p class="soft small">and ${others} more with ${percent(Math.max(0, rest))} together</p>`
  }</div>
${isCrossed(word) && layerTable('this word’s', word.contributions.by_layer, word.contributions.sum)}`
}

function layerTable(whose: string, layers: readonly BySource[], sum: BySource): Html {
  const row = (name: string, norms: BySource) =>
    html`<tr><th scope="row">${name}</th><td class="track">${stack(norms)}</td>${SOURCES.map((it) => html`<td>${norms[it].toFixed(2)}</td>`)}</tr>`
  return html`<div class="scroll"><table class="measure"><caption>Norms of the summands, ${whose}</caption>
<thead><tr><th scope="col" class="left">layer</th><th aria-hidden="true"></th>${SOURCES.map((it) => html`<th scope="col">${it}</th>`)}</tr></thead>
<tbody>${layers.map((norms, i) => row(String(i + 1), norms))}${row('all', sum)}</tbody></table></div>`
}
