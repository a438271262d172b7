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
before it; a tail’s score is what the search ranks by. The likeliest way stands first, which need not be the best. Dashed, and
called dropped, are ways that the search looked at and gave up for better ones, with the sum of their log-probabilities.</p>`,
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
  html`<ul class="tree">${nodes.filter((it) => !it.dropped).map((it) => html`<li>${stem(it)}</li>`)}${nodes
    .filter((it) => it.dropped)
    .map((it) => html`<li class="dropped">${stem(it)}</li>`)}</ul>`

/** A piece and those after it, in a line as long as one way alone goes on; then its branches, and what was dropped along the line. */
function stem(node: TailNode): Html {
  const line = [node]
  for (let next = goingOn(node); next.length === 1 && !line.at(-1)!.tail; next = goingOn(next[0]!)) line.push(next[0]!)
  const last = line.at(-1)!
  const next = goingOn(last)
  const lost = line.flatMap((it) =>
    it.dropped ? [] : it.next.filter((after) => after.dropped).map((after) => ({ it, after })),
  )
  const ends =
    last.tail && html`<span class="tail" data-score="${last.tail.score}">${last.tail.score.toFixed(2)}</span>`
  const given =
    last.dropped &&
    next.length === 0 &&
    html`<span class="tail lost" data-sum="${last.sum}">dropped ${last.sum.toFixed(2)}</span>`
  return html`${line.map(piece)}${ends}${given}${next.length > 0 && branches(next)}${
    lost.length > 0 &&
    html`<ul class="tree">${lost.map(
      ({ it, after }) =>
        html`<li class="dropped"><span class="soft small">after ${wordOf(it, '')}</span> ${stem(after)}</li>`,
    )}</ul>`
  }`
}

/** What goes on from a piece as it does itself: to tails, or to nothing. */
const goingOn = ({ dropped, next }: TailNode): readonly TailNode[] => next.filter((it) => it.dropped === dropped)

const piece = (node: TailNode): Html =>
  html`<span class="node" data-probability="${node.probability}"><span class="what">${isEnd(node) ? html`<i class="soft">end</i>` : wordOf(node, '')}</span><span class="grow" aria-hidden="true"><span style="width:${(100 * node.probability).toFixed(2)}%"></span></span><span class="sure">${percent(node.probability)}</span></span>`
