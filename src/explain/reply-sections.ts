import type { StrategyName } from '../text/strategies.js'
import { type Html, html, percent } from './html.js'
import { polarities, type ReplyDocument } from './reply-document.js'

/** The dialogue with the reply. */
export function dialogueSection({ dialogue, reply, context, words }: ReplyDocument): Html {
  const { strategy, text } = dialogue?.reply ?? {}
  return html`<section id="dialogue"><h2>The dialogue</h2>
${dialogue?.situation !== undefined && html`<p class="say">The seeker’s situation: ${dialogue.situation}</p>`}
<ol class="turns">
${
  dialogue
    ? dialogue.utterances.map((it) => turn(it.speaker, it.text, it.strategy))
    : html`<li><span class="who">input</span><span class="soft">${context.length} ids, given without their text</span></li>`
}
<li class="drawn"><span class="who">the reply</span><span class="what">${reply.text}
<span class="tag">${ENDS[reply.finish_reason]}, after ${words.length} ids</span></span></li>
${text !== undefined && turn('the true reply', text, strategy)}
</ol></section>`
}

const ENDS = { stop: 'ended by itself', length: 'as long as was allowed', aborted: 'stopped' } as const

const turn = (who: string, text: string, strategy: StrategyName | undefined): Html =>
  html`<li><span class="who">${who}</span><span class="what">${text}${strategy && html`<span class="tag">${strategy}</span>`}</span></li>
`

/** The strategy mixture, or whatever a family has in its place; nothing where it has none. */
export function mixtureSections(document: ReplyDocument): Html[] {
  const { strategies } = document
  if (strategies) return [strategySection(strategies)]
  const { emotions, listeners } = document as ListenersDocument
  return [...(emotions ? [emotionSection(emotions)] : []), ...(listeners ? [listenersSection(listeners)] : [])]
}

type ListenersDocument = ReplyDocument & {
  readonly emotions?: Readonly<Record<string, number>>
  readonly listeners?: Readonly<Record<string, number>>
}

function strategySection({ predicted, given, chosen, true: truly }: NonNullable<ReplyDocument['strategies']>): Html {
  const [best, second] = Object.entries(predicted).sort(([, a], [, b]) => b - a)
  const marks = (name: string) =>
    [name === best![0] && 'likeliest', name === chosen && 'replied in', name === truly && 'true'].filter(Boolean)
  const sentence = `The model leans towards ${best![0]} (${percent(best![1])}), then ${second![0]} (${percent(second![1])}).`
  const overruled = given && ' The caller gave a mixture of their own, and the reply was drawn with that.'
  const most = Math.max(...Object.values(predicted), ...Object.values(given ?? {}))
  return html`<section id="strategy"><h2>Strategies</h2>
<p class="say">${sentence}${overruled}</p>
<table class="measure${given && ' both'}"><thead><tr><th scope="col" class="left">strategy</th><th scope="col">predicted</th><th aria-hidden="true"></th>
${given && html`<th scope="col">given</th><th aria-hidden="true"></th>`}</tr></thead><tbody>
${Object.entries(predicted).map(
  ([
    name,
    p,
  ]) => html`<tr${name === best![0] && html` class="best"`} data-strategy="${name}"><th scope="row">${name}${marks(name).map((it) => html`<span class="mark">${it}</span>`)}</th>
<td data-value="${p}">${percent(p)}</td>${bar(p / most)}
${given && html`<td data-given="${given[name as StrategyName]}">${percent(given[name as StrategyName])}</td>${bar(given[name as StrategyName] / most, 'given')}`}</tr>
`,
)}</tbody></table></section>`
}

function emotionSection(emotions: Readonly<Record<string, number>>): Html {
  const [[best, most] = ['', 0]] = sorted(emotions)
  const { positive, negative } = polarities(emotions)
  const sides =
    positive > 0 &&
    ` Emotions that MIME counts as positive have ${percent(positive)}, negative ones ${percent(negative)}.`
  return html`<section id="emotions"><h2>The seeker’s emotion</h2>
<p class="say">To the model the seeker feels ${best} (${percent(most)}).${sides}</p>${namedBars('emotion', emotions)}</section>`
}

function listenersSection(listeners: Readonly<Record<string, number>>): Html {
  const heard = sorted(listeners).filter(([, weight]) => weight > 0)
  return html`<section id="listeners"><h2>Listeners</h2>
<p class="say">MoEL has a decoder for each emotion. It heard ${heard.length} of ${Object.keys(listeners).length}; ${heard[0]?.[0] ?? ''} most.</p>
${namedBars('listener', Object.fromEntries(heard))}</section>`
}

const sorted = (values: Readonly<Record<string, number>>) => Object.entries(values).sort(([, a], [, b]) => b - a)

/** A bar for each name, the longest first. */
function namedBars(what: string, values: Readonly<Record<string, number>>): Html {
  const rows = sorted(values)
  const most = rows[0]?.[1] ?? 1
  return html`<table class="measure"><thead><tr><th scope="col" class="left">${what}</th><th scope="col">weight</th><th aria-hidden="true"></th></tr></thead><tbody>
${rows.map(([name, p], i) => html`<tr${i === 0 && html` class="best"`} data-${what}="${name}"><th scope="row">${name}</th><td data-value="${p}">${percent(p)}</td>${bar(p / most)}</tr>`)}
</tbody></table>`
}

/** A cell with a bar so long, of 1. Its number stands beside it: it says nothing by itself. */
export const bar = (part: number, kind = ''): Html =>
  html`<td class="track" aria-hidden="true"><span class="bar ${kind}" style="width:${(100 * part).toFixed(2)}%"></span></td>`

/** What made the reply, so that it can be drawn again. */
export function madeSection({ made_with: made, reply, family }: ReplyDocument): Html {
  const { title, model, version, again, adapter, dtype, seed, options } = made
  const { seed: _, ...drawing } = options
  const rows: [string, string][] = [
    ['model', `${title} (${family}), ${model ?? 'the packaged one'}`],
    ['adapter', adapter],
    ['weights in', dtype],
    ['seed', String(seed)],
    [
      'options',
      Object.entries(drawing)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    ],
    ...(reply.score === undefined ? [] : [['score of the beams', String(reply.score)] as [string, string]]),
    ['misc-webgpu', version],
  ]
  return html`<section id="made"><h2>What made it</h2>
<p class="say">The same model, dialogue, options and seed draw the same reply again.</p>
<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
<pre><code>${again}</code></pre></section>`
}
