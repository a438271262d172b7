import { type Html, html, percent } from './html.js'
import type { ReplyDocument } from './reply-document.js'
import { isEnd, wordOf } from './reply-names.js'
import { type CrossedWord, mean, strongest } from './reply-numbers.js'

/** Places that are marked as the strongest of their source. */
const marked = 5

/** What of context, post and situation the decoder looked at. */
export function attentionParts(document: ReplyDocument, words: readonly CrossedWord[]): Html {
  const { context, blocks } = document
  const weights = mean(words.map((it) => it.attention.context))
  const most = Math.max(...weights)
  // Where all have much the same, none looks as if it stood out.
  const darkest = Math.max(most, 3 / weights.length)
  const top = strongest(weights, marked)
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
  const top = strongest(weights, marked)
  const order = [...blocks.keys()].sort((a, b) => weights[b]! - weights[a]!)
  const title = name === 'post' ? 'Of the last post' : 'Of the situation'
  return html`<div class="${name}"><h3>${title}, <span class="whose">over the whole reply</span></h3>
${blocks.length === 0 && html`<p class="soft">none</p>`}<ol>
${order.map((i) => {
  const { relation, tail, attention } = blocks[i]!
  const rank = top.indexOf(i)
  return html`<li class="${rank < 0 ? '' : 'top'}" data-${name}="${i}" data-value="${attention}"><span class="rank">${rank < 0 ? '' : rank + 1}</span><span class="what"><span class="rel">${relation}</span> ${tail}</span><span aria-hidden="true"><span class="bar" style="width:${((100 * attention) / most).toFixed(2)}%"></span></span><span class="value">${percent(attention)}</span></li>
`
})}</ol></div>`
}
