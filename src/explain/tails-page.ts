import type { EventExplanation, TailNode } from '../engine/explain-comet.js'
import { type Html, html, percent } from './html.js'
import { renderPage } from './page.js'
import type { Maker } from './reply-document.js'
import { isEnd, wordOf } from './reply-names.js'

/** What `misc explain --event --json` prints, and a page draws. */
export type TailsDocument = ReturnType<typeof tailsDocument>

export function tailsDocument({ adapter, dtype, options, ...found }: EventExplanation, maker: Maker) {
  return { ...found, made_with: { ...maker, adapter, dtype, options } }
}

/** What a relation asks. */
const ASKS: Readonly<Record<string, string>> = {
  ...{ xAttr: 'what they are like', xEffect: 'what happens to them', xIntent: 'why they did it' },
  ...{ xNeed: 'what they needed before', xReact: 'how they feel', xWant: 'what they want' },
  ...{ oWant: 'what others want', oEffect: 'what happens to others', oReact: 'how others feel' },
}

/** A page that shows what a COMET inferred of an event, as trees. */
export function renderTailsPage(document: TailsDocument, research: string): string {
  const { event, trees, made_with: made } = document
  return renderPage({
    title: `What ${made.title} inferred`,
    heading: `“${event}”`,
    lead: `What ${made.title} inferred of it, on ${made.adapter}`,
    notices: [{ kind: 'soft', text: research }],
    main: [
      html`<p class="say">Tails that begin alike share a stem. The bar under a piece, and its number, are its probability after those
before it; a tail’s score is what the search ranks by. The likeliest way stands first, which need not be the best.</p>`,
      html`<div class="relations">${Object.entries(trees).map(([relation, nodes]) => relationSection(relation, nodes))}</div>`,
      html`<section id="made"><h2>What made it</h2><dl><dt>model</dt><dd>${made.model ?? 'the packaged comet-mini'}</dd><dt>weights in</dt><dd>${made.dtype}</dd>
<dt>misc-webgpu</dt><dd>${made.version}</dd></dl><pre><code>${made.again}</code></pre></section>`,
    ],
    numbers: document,
  })
}

function relationSection(relation: string, nodes: readonly TailNode[]): Html {
  const best = tailsOf(nodes).sort((a, b) => b.score - a.score)[0]
  return html`<section class="relation" data-relation="${relation}"><h2>${relation}${ASKS[relation] && html` <span class="soft">${ASKS[relation]}</span>`}</h2>
<p class="say">${best ? `Best: “${best.text}”, with a score of ${best.score.toFixed(2)}.` : 'Nothing was found.'}</p>
${branches(nodes)}</section>`
}

const tailsOf = (nodes: readonly TailNode[]): NonNullable<TailNode['tail']>[] =>
  nodes.flatMap((it) => [...(it.tail ? [it.tail] : []), ...tailsOf(it.next)])

const branches = (nodes: readonly TailNode[]): Html =>
  html`<ul class="tree">${nodes.map((it) => html`<li>${stem(it)}</li>`)}</ul>`

/** A piece and those after it, in a line as long as nothing branches off. */
function stem(node: TailNode): Html {
  const { tail, probability, next } = node
  const piece = html`<span class="node" data-probability="${probability}"><span class="what">${isEnd(node) ? html`<i class="soft">end</i>` : wordOf(node, '')}</span><span class="grow" aria-hidden="true"><span style="width:${(100 * probability).toFixed(2)}%"></span></span><span class="sure">${percent(probability)}</span></span>`
  const ends = tail && html`<span class="tail" data-score="${tail.score}">${tail.score.toFixed(2)}</span>`
  const goesOn = next.length === 1 && !tail
  return html`${piece}${ends}${goesOn ? stem(next[0]!) : next.length > 0 && branches(next)}`
}
