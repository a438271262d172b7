import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EventExplanation, TailNode } from '../../src/engine/explain-comet.js'
import { renderTailsPage, tailsDocument } from '../../src/explain/tails-page.js'
import { resolveOptions } from '../../src/generation/options.js'
import { checkPrinted, isWiderThanItsWindow, PAPER, withPage } from '../browser.js'

const hostile = '</script><b>"low"</b>'
const node = (text: string, probability: number, next: TailNode[] = [], score?: number): TailNode => {
  const tail = score === undefined ? undefined : { text: `a tail of ${text}`, score }
  return { id: 1, text, probability, sum: -1, dropped: false, next, tail }
}
const dropped = (text: string, probability: number, sum: number, next: TailNode[] = []): TailNode => {
  return { ...node(text, probability, next), sum, dropped: true }
}
const tree = [
  node('to', 0.75, [
    node('get@@', 0.5, [node('__end__', 0.9, [], -0.5)]),
    node(hostile, 0.25, [node('it', 1, [], -1.5)]),
  ]),
  node('none', 0.125, [dropped('once', 0.0625, -6), node('now', 0.5, [], -3)], -2),
  dropped('lost', 0.1, -2.5, [dropped('it', 0.3, -3.5), dropped(hostile, 0.2, -4.5)]),
]
const found: EventExplanation = {
  ...{ event: hostile, trees: { xReact: tree, xWant: [] }, cut: 0, dtype: 'f32', adapter: 'some adapter' },
  options: resolveOptions({ doSample: false, seed: 1 }),
}
const maker = { title: 'COMET', model: undefined, version: '0', again: 'misc comet' }

const test = suite('explain/tails-page')

test('every piece once, with its probability, in the form of the trees, on wide and narrow windows, as text', async () => {
  const page = renderTailsPage(tailsDocument(found, maker), 'no therapy')
  await withPage(page, [{}, { dark: true }, { width: 390 }], async (tab, { width }) => {
    assert.is(await isWiderThanItsWindow(tab), false, `at ${width}`)
    const drawn = await tab.$$eval('.node', (all) => all.map((it) => Number(it.getAttribute('data-probability'))))
    assert.equal(drawn, [0.75, 0.5, 0.9, 0.25, 1, 0.125, 0.5, 0.0625, 0.1, 0.3, 0.2])
    const scores = await tab.$$eval('.tail:not(.lost)', (all) => all.map((it) => Number(it.getAttribute('data-score'))))
    assert.equal(scores, [-0.5, -1.5, -2, -3])
    // In words, and by a dashed line: not by a colour.
    const lost = await tab.evaluate(
      `[...document.querySelectorAll('.lost')].map((it) => [it.textContent, getComputedStyle(it).borderTopStyle])`,
    )
    assert.equal(
      lost,
      ['-6.00', '-3.50', '-4.50'].map((sum) => [`dropped ${sum}`, 'dashed']),
    )
    assert.match(await tab.$eval('.lost', (it) => it.closest('li')!.textContent!), /^after none once/)
    // Where nothing branches off, pieces stand in one line.
    const lines = await tab.$$eval('[data-relation=xReact] li', (all) =>
      all.map((it) => it.querySelectorAll(':scope > .node').length),
    )
    assert.equal(lines, [1, 2, 2, 1, 1, 1, 1, 1, 1])
    const bars = await tab.$$eval('.grow', (all) =>
      all.map((it) => it.firstElementChild!.getBoundingClientRect().width / it.getBoundingClientRect().width),
    )
    for (const [i, bar] of bars.entries()) assert.ok(Math.abs(bar - drawn[i]!) < 0.02, `${bar}, ${drawn[i]}`)
    assert.is(await tab.$eval('h1', (it) => it.textContent), `“${hostile}”`)
    assert.is(await tab.$$eval('b', (all) => all.length), 0)
    assert.match((await tab.$eval('[data-relation=xReact] .say', (it) => it.textContent))!, /with a score of -0\.50/)
    assert.match((await tab.$eval('[data-relation=xWant] .say', (it) => it.textContent))!, /^Nothing was found/)
  })
})

test('on paper: black on white, every tree whole', async () => {
  await withPage(renderTailsPage(tailsDocument(found, maker), 'no therapy'), [PAPER], async (tab) => {
    await checkPrinted(tab, 0)
    assert.is(await tab.$$eval('.node', (all) => all.filter((it) => it.checkVisibility()).length), 11)
  })
})

test.run()
