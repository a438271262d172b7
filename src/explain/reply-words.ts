import type { BySource, Piece } from '../engine/explanation.js'
import { SOURCES } from '../models/misc/summands.js'
import { Html, html, percent } from './html.js'
import { blockName, type DocumentWord, type ReplyDocument } from './reply-document.js'
import { bar } from './reply-sections.js'

/** Blocks that are marked as the strongest of their source. */
const strongest = 5

/** Candidates that are shown of a word. */
const shownCandidates = 6

/** A word of MISC's. */
type CrossedWord = Required<DocumentWord>
const isCrossed = (word: DocumentWord): word is CrossedWord => word.contributions !== undefined

/** Every word, how sure the model was of it, and where it came from. */
export function wordsSection(document: ReplyDocument): Html {
  const { words } = document
  const crossed = words.filter(isCrossed)
  if (words.length === 0)
    return html`<section id="words"><h2>Word by word</h2><p class="say">No word was drawn.</p></section>`
  const least = words.reduce((a, b) => (b.probability < a.probability ? b : a))
  const sentence = `It was least sure of “${wordOf(least)}” (${percent(least.probability)} of the draw).`
  return html`<section id="words"><h2>Word by word</h2>
<p class="say">${crossed.length > 0 && `${sharesInWords(crossed)} `}${sentence}
<span class="points"> Point at a word, tap it, or move to it with Tab.</span></p>
${crossed.length > 0 && legend}
<div class="words">${words.map(wordButton)}</div>
<div class="details" aria-live="polite">${html`<div id="whole">${wholeDetails(words)}</div>`}
${words.map((word, i) => html`<div id="word-${i}" hidden>${wordDetails(word)}</div>`)}</div>
${crossed.length > 0 && attended(document, crossed)}
</section>`
}

const legend = html`<ul class="legend" aria-label="sources">${SOURCES.map((name) => html`<li><i class="${name}"></i>${name}</li>`)}</ul>`

/** What is shown of a piece: a word's beginning with another mark than the vocabulary's, and what has no text by its id. */
function wordOf(piece: Piece, ending = '…'): string {
  if (isEnd(piece)) return 'the end'
  return piece.text === '' ? `#${piece.id}` : piece.text.replace(/@@$/, ending).trim()
}

const isEnd = ({ text }: { readonly text: string }): boolean => text === '__end__' || text === '</s>'

function wordButton(word: DocumentWord): Html {
  const joins = word.text.endsWith('@@')
  return html`<button type="button" class="word${joins ? ' joins' : ''}" aria-pressed="false" data-probability="${word.probability}"><span class="what">${
    isEnd(word) ? html`<i class="soft">end</i>` : wordOf(word, '')
  }</span>${isCrossed(word) && stack(word.contributions.sum)}<span class="sure">${percent(word.probability)}</span></button>`
}

/** Parts of 1 that the norms of a word's summands are. */
function shares(norms: BySource): BySource {
  const total = SOURCES.reduce((sum, name) => sum + norms[name], 0)
  return Object.fromEntries(SOURCES.map((name) => [name, norms[name] / total])) as unknown as BySource
}

/** The shares side by side, in a colour and a pattern each. Its numbers stand elsewhere. */
function stack(norms: BySource): Html {
  const parts = shares(norms)
  return html`<span class="stack" aria-hidden="true">${SOURCES.map((name) => html`<i class="${name}" style="width:${(100 * parts[name]).toFixed(2)}%" data-share="${parts[name]}"></i>`)}</span>`
}

const meanOf = (all: readonly BySource[]): BySource =>
  Object.fromEntries(
    SOURCES.map((name) => [name, all.reduce((sum, it) => sum + it[name], 0) / all.length]),
  ) as unknown as BySource

function sharesInWords(words: readonly CrossedWord[]): string {
  const parts = shares(meanOf(words.map((it) => it.contributions.sum)))
  const [context, post, situation, strategy] = SOURCES.map((name) => percent(parts[name]))
  return `Of what cross-attention gave the reply, ${context} came from the context, ${post} from the post’s blocks, ${situation} from the situation’s and ${strategy} from the strategy.`
}

/** What is shown while no word is pointed at: the layers over the whole reply. */
function wholeDetails(words: readonly DocumentWord[]): Html {
  const crossed = words.filter(isCrossed)
  const sure = words.reduce((sum, it) => sum + Math.log(it.probability), 0) / words.length
  const facts = html`<div><h3>The whole reply</h3><p>A word had ${percent(Math.exp(sure))} of its draw, as a geometric mean over
${words.length} ids.</p><p class="soft small">Bars under the words show how large the four summands of eq. 7 are, by their norms and
over all layers; the number is the word’s probability in its draw.</p></div>`
  if (crossed.length === 0) return facts
  const layers = crossed[0]!.contributions.by_layer.map((_, i) =>
    meanOf(crossed.map((it) => it.contributions.by_layer[i]!)),
  )
  return html`${facts}${layerTable('mean over words', layers, meanOf(crossed.map((it) => it.contributions.sum)))}`
}

function wordDetails(word: DocumentWord): Html {
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
  return html`<div><h3>“${wordOf(word)}”</h3><p class="small">${percent(probability)} of the draw, from ${left} left; ${percent(own)} as the
model alone says.</p><table class="measure"><tbody>${rows}</tbody></table>${
    others > 0 && html`<p class="soft small">and ${others} more with ${percent(Math.max(0, rest))} together</p>`
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

/** What of context, post and situation the decoder looked at. */
function attended(document: ReplyDocument, words: readonly CrossedWord[]): Html {
  const { context, blocks } = document
  const weights = mean(words.map((it) => it.attention.context))
  const most = Math.max(...weights)
  // Where all have much the same, none looks as if it stood out.
  const darkest = Math.max(most, 3 / weights.length)
  const top = best(weights)
  const token = (piece: (typeof context)[number], i: number) => {
    const silent = /^(__.*__|\[CLS\])$/.test(piece.text)
    const shown = isEnd(piece) ? '⏎' : piece.text === '[CLS]' ? 'start' : wordOf(piece, '')
    const space = piece.text.endsWith('@@') ? '' : ' '
    return html`<span class="token${silent ? ' silent' : ''}${top.includes(i) ? ' top' : ''}" data-context="${i}" data-value="${weights[i]!}" style="--a:${(weights[i]! / darkest).toFixed(4)}">${shown}</span>${space}`
  }
  return html`<h3>What it looked at in the context, <span class="whose">over the whole reply</span></h3>
<p class="say small">The stronger its tint, the more a word had of the attention to the context. An even share is
${percent(1 / weights.length)}; over the whole reply the most is ${percent(most)}${
    most < 1.5 / weights.length && ': all were looked at much alike'
  }. The five strongest are underlined; ⏎ ends a turn.</p>
<ol class="turns read">${turnsOf(document).map(
    ({
      who,
      pieces,
    }) => html`<li><span class="who">${who}</span><span class="what">${pieces.map(({ piece, at }) => token(piece, at))}</span></li>
`,
  )}</ol>
<h2>Commonsense blocks</h2>
<p class="say">${blocks && blocksInWords(blocks)}</p>
<div class="blocks">${(['post', 'situation'] as const).map((name) => blockList(name, blocks![name]))}</div>`
}

/** The context turn by turn, as its ends tell, with who spoke where the dialogue is known. */
function turnsOf({ context, dialogue, reply }: ReplyDocument) {
  const turns: { pieces: { piece: (typeof context)[number]; at: number }[] }[] = [{ pieces: [] }]
  for (const [at, piece] of context.entries()) {
    turns.at(-1)!.pieces.push({ piece, at })
    if (isEnd(piece)) turns.push({ pieces: [] })
  }
  const said = turns.filter(({ pieces }) => pieces.length > 0)
  const speakers = dialogue?.utterances.slice(reply.cut.utterances).map((it) => it.speaker)
  return said.map((it, i) => ({ ...it, who: speakers?.length === said.length ? speakers[i]! : '' }))
}

type Blocks = NonNullable<ReplyDocument['blocks']>

function blocksInWords({ post, situation }: Blocks): string {
  const [first] = [...post, ...situation]
  if (!first) return 'There were none, and so none were looked at.'
  const from = first.source === 'given' ? 'came with the dialogue' : 'were inferred by the COMET'
  return `${post.length} about the last post and ${situation.length} about the situation ${from}. Bars show each one’s part of its source’s attention; the five strongest are numbered.`
}

function blockList(name: 'post' | 'situation', blocks: Blocks['post']): Html {
  const weights = blocks.map((it) => it.attention)
  const most = Math.max(...weights)
  const top = best(weights)
  const order = [...blocks.keys()].sort((a, b) => weights[b]! - weights[a]!)
  const title = name === 'post' ? 'Of the last post' : 'Of the situation'
  return html`<div class="${name}"><h3>${title}, <span class="whose">over the whole reply</span></h3>
${blocks.length === 0 && html`<p class="soft">none</p>`}<ol>
${order.map((i) => {
  const { relation, tail, attention } = blocks[i]!
  const rank = top.indexOf(i)
  return html`<li class="${rank < 0 ? '' : 'top'}" data-${name === 'post' ? html`post` : html`situation`}="${i}" data-value="${attention}"><span class="rank">${rank < 0 ? '' : rank + 1}</span><span class="what"><span class="rel">${relation}</span> ${tail}</span><span aria-hidden="true"><span class="bar" style="width:${((100 * attention) / most).toFixed(2)}%"></span></span><span class="value">${percent(attention)}</span></li>
`
})}</ol></div>`
}

const best = (weights: readonly number[], count = strongest): number[] =>
  [...weights.keys()].sort((a, b) => weights[b]! - weights[a]!).slice(0, count)

const mean = (rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.map((_, i) => rows.reduce((sum, it) => sum + it[i]!, 0) / rows.length)

/** The same as {@link wordsSection} for those who cannot point. */
export function tableSection({ words, context, blocks }: ReplyDocument): Html {
  const isMisc = words.some(isCrossed)
  const named = (names: readonly string[], weights: readonly number[]) =>
    best(weights, 3)
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
    return html`<tr>${name(word, i)}<td data-value="${word.probability}">${percent(word.probability)}</td><td>${word.left}</td>
<td class="left wrap">${runners.join(', ') || 'none'}</td>
${isCrossed(word) && SOURCES.map((it) => html`<td data-norm="${word.contributions.sum[it]}">${percent(shares(word.contributions.sum)[it])}</td>`)}</tr>
`
  }
  const looked = (word: DocumentWord, i: number) =>
    isCrossed(word) &&
    html`<tr>${name(word, i)}${(['context', 'post', 'situation'] as const).map((it) => html`<td class="left wrap">${named(names[it], word.attention[it]) || 'none'}</td>`)}</tr>
`
  return html`<section id="table"><h2>The same as tables</h2>
<p class="say">A row for each word: how sure the model was of it, from how many that were left, and what else could have been drawn.
${isMisc && 'Shares are of the norms of eq. 7’s summands over all layers.'}</p>
${scrolling('Word by word, as a table', ['of the draw', 'left', html`<span class="left">runners-up</span>`, ...(isMisc ? SOURCES : [])], words.map(row))}
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
