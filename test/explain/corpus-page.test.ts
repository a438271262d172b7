import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CorpusFigures, corpusFigures } from '../../src/explain/corpus-figures.js'
import { corpusPage } from '../../src/explain/corpus-page.js'
import type { EsconvRow } from '../../src/text/esconv-row.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { checkPlots, checkPrinted, isWiderThanItsWindow, markTitles, PAPER, withPage } from '../browser.js'

const pages = suite('explain/corpus-page')
const hostile = '</script><img src=x onerror=alert(1)>"&'

/** 48 replies; one who turns the strategies by one, and one who tells the likeliest alone. */
function figures(): CorpusFigures {
  const rows = Array.from({ length: 48 }, (_, i) => {
    const strategy = STRATEGIES[Math.floor(i / 5) % 8]!
    return { reply: { strategy }, place: { turn: (i % 12) + 1, of: 12 } } as EsconvRow
  })
  const turned = rows.map((_, i) => STRATEGIES.map((_, k) => STRATEGIES[(Math.floor(i / 5) + (i % 3) + k) % 8]!))
  return corpusFigures({ data: hostile, split: 'test', rows, unnamed: 1 }, [
    { name: hostile, made: { file: hostile }, ofRows: turned },
    { name: 'one', made: { family: 'misc' }, ofRows: rows.map(() => ['Question'] as const) },
  ])
}

pages('a browser shows every number of the JSON, in light, in dark and on a phone, and asks for nothing', async () => {
  const all = figures()
  const { taken, stages, systems } = all
  const ids = ['stages-0', 'stages-1', 'stages-2', 'top-k', 'confusion-0', 'confusion-1']
  await withPage(await corpusPage(all), [{}, { dark: true }, { width: 390 }], async (page, reader) => {
    await checkPlots(page, ids, reader)
    assert.not.ok(await isWiderThanItsWindow(page))
    for (const [i, shares] of [taken, ...systems.map((it) => it.shares)].entries()) {
      const drawn = STRATEGIES.flatMap((name) =>
        shares[name].flatMap((share, at) =>
          share ? `${name}, ${stages.labels[at]}: ${share.toFixed(1)} % of the replies` : [],
        ),
      )
      assert.equal((await markTitles(page, `stages-${i}`)).sort(), drawn.sort())
    }
    const points = systems.flatMap(({ name, topAccuracy }) =>
      topAccuracy.map((it, i) => `${name}: ${Number(it.toPrecision(4))} at ${i + 1}`),
    )
    assert.equal((await markTitles(page, 'top-k')).sort(), points.sort())
    for (const [i, { confusion }] of systems.entries()) {
      const counts = (await markTitles(page, `confusion-${i}`)).map((it) => Number(/^(\d+) of/.exec(it)?.[1]))
      assert.equal(counts, confusion.flat())
    }
    const cells = (await page.evaluate(
      "[...document.querySelectorAll('table')].map((it) => [...it.querySelectorAll('td')].map((cell) => cell.textContent))",
    )) as string[][]
    assert.is(cells.length, 6)
    assert.equal(
      cells[0]!.slice(1, 6),
      systems[0]!.topAccuracy.map((it) => it.toFixed(1)),
    )
    assert.equal(
      cells[1]!.slice(1, 7),
      taken.Question.map((it) => it!.toFixed(1)),
    )
    assert.equal(cells[4]!.slice(1, 9), systems[0]!.confusion[0]!.map(String))
    assert.is(await page.evaluate('document.images.length + document.scripts.length'), 0)
  })
})

pages('on paper: black on white, plots and tables whole', async () => {
  await withPage(await corpusPage(figures()), [PAPER], (page) => checkPrinted(page, 6))
})

pages('each plot says in a sentence what to see', async () => {
  const page = await corpusPage(figures())
  const notes = [...page.matchAll(/<desc [^>]*>([^<]*)<\/desc>/g)].map(([, it]) => it!)
  assert.match(
    notes[0]!,
    /^From 0–20 % to last turn, [A-Z][\w -]+ falls from \d+ to \d+ % of the replies and .+ rises from \d+ to \d+ %\.$/,
  )
  assert.match(notes[2]!, /the same at every stage/)
  assert.match(notes[3]!, /one \d+\.\d % at k 1\. By chance it is k in 8\.$/)
  assert.match(notes[5]!, /the diagonal, \d+ of 48, is right\. Most often mistaken: .+ for Question, \d+ of \d+\.$/)
})

pages.run()
