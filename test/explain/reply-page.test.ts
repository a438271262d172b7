import type { Page } from 'puppeteer-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../src/engine/load.js'
import { type AnyExplanation, type ReplyDocument, replyDocument } from '../../src/explain/reply-document.js'
import { renderReplyPage } from '../../src/explain/reply-page.js'
import { SOURCES } from '../../src/models/misc/sources.js'
import { checkPrinted, isWiderThanItsWindow, PAPER, withPage } from '../browser.js'
import { saying, tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'

const adapter = testAdapters[0]!
const notices = { research: 'Research software: no therapy.', crisis: 'Talk to a person now.' }
const hostile = '</script><script>document.title = "taken"</script> <b>"low"</b> & \'so\' <!-- '
const input = {
  situation: hostile,
  dialogue: [
    { speaker: 'supporter' as const, strategy: 'Others' as const, text: 'hello' },
    { speaker: 'seeker' as const, text: `i want to die ${hostile}` },
  ],
  blocks: {
    post: Array.from({ length: 7 }, (_, i) => ({ relation: 'xReact' as const, tail: i === 0 ? hostile : `sad ${i}` })),
    situation: [{ relation: 'xWant' as const, tail: 'to rest' }],
  },
  reply: { strategy: 'Information' as const, text: hostile },
}
const given = [0.5, 0.5, 0, 0, 0, 0, 0, 0]

/** What `--json` gives for a reply of a model, and its page. */
async function drawn(folder: string, question: typeof input | ReturnType<typeof saying>, options: object = {}) {
  await using engine = await load(folder, { adapter, tune: false })
  const asked = { seed: 3, maxNewTokens: 9, minLength: 9, ...options }
  const explanation: AnyExplanation = await engine.explain(question, asked)
  const document = replyDocument(
    explanation,
    { title: hostile, model: hostile, version: '0', again: hostile },
    question,
  )
  return { document: JSON.parse(JSON.stringify(document)) as ReplyDocument, page: renderReplyPage(document, notices) }
}

/** The numbers that stand in an attribute, in the order of the page. */
const numbersIn = (page: Page, selector: string, attribute: string) =>
  page.$$eval(selector, (all, name) => all.map((it) => Number(it.getAttribute(name))), attribute)

const test = suite('explain/reply-page')
const misc = await drawn(await tinyModel(96), input, { strategy: given })

test('in a browser: every part, drawn as the JSON says, in light and dark, wide and on a phone', async () => {
  const { document, page: markup } = misc
  const readers = [{}, { dark: true }, { width: 390 }, { width: 390, dark: true }]
  await withPage(markup, readers, async (page, { width = 1200, dark }) => {
    const ids = await page.$$eval('section', (all) => all.map((it) => it.id))
    assert.equal(ids, ['dialogue', 'strategy', 'words', 'table', 'made'])
    assert.is(await isWiderThanItsWindow(page), false, `at ${width}`)
    const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert.is(paper, dark ? 'rgb(21, 24, 28)' : 'rgb(255, 255, 255)')
    assert.equal(await page.$$eval('[role=note]', (all) => all.map((it) => it.textContent)), [
      notices.crisis,
      notices.research,
    ])

    const { predicted, given: shown } = document.strategies!
    assert.equal(await numbersIn(page, '#strategy [data-value]', 'data-value'), Object.values(predicted))
    assert.equal(await numbersIn(page, '#strategy [data-given]', 'data-given'), Object.values(shown!))
    assert.equal(await page.$$eval('.mark', (all) => all.length), 2)
    const probabilities = document.words.map((it) => it.probability)
    assert.equal(await numbersIn(page, '.word', 'data-probability'), probabilities)
    assert.equal(await numbersIn(page, '#table [data-value]', 'data-value'), probabilities)
    const norms = document.words.flatMap((it) => SOURCES.map((name) => it.contributions!.sum[name]))
    assert.equal(await numbersIn(page, '#table [data-norm]', 'data-norm'), norms)
    // What is drawn is as long as the numbers say.
    const bars = await page.$$eval('.word .stack', (all) =>
      all.map((it) =>
        [...it.children].map((part) => part.getBoundingClientRect().width / it.getBoundingClientRect().width),
      ),
    )
    document.words.forEach((word, i) => {
      const total = SOURCES.reduce((sum, name) => sum + word.contributions!.sum[name], 0)
      for (const [s, name] of SOURCES.entries()) {
        near(bars[i]![s]!, word.contributions!.sum[name] / total, 0.02, `word ${i}, ${name}`)
      }
    })
    const attention = await page.$$eval('[data-post]', (all) =>
      all.map((it) => [Number(it.getAttribute('data-post')), Number(it.getAttribute('data-value'))]),
    )
    assert.is(attention.length, 7)
    for (const [i, value] of attention) near(value!, document.blocks!.post[i!]!.attention, 1e-12, `block ${i}`)
    assert.is(await page.$$eval('.post .top', (all) => all.length), 5)
    assert.is(await page.$$eval('[data-context]', (all) => all.length), document.context.length)
  })
})

test('on paper: every number in tables that are whole, black on white', async () => {
  const { document, page: markup } = misc
  await withPage(markup, [PAPER], async (page) => {
    const tables = await page.$$eval('table', (all) => all.filter((it) => it.checkVisibility()).length)
    await checkPrinted(page, tables)
    const printed = async (selector: string, attribute: string) =>
      page.$$eval(
        selector,
        (all, name) => all.filter((it) => it.checkVisibility()).map((it) => Number(it.getAttribute(name))),
        attribute,
      )
    assert.equal(
      await printed('#table [data-value]', 'data-value'),
      document.words.map((it) => it.probability),
    )
    assert.equal(
      await printed('#table [data-norm]', 'data-norm'),
      document.words.flatMap((it) => SOURCES.map((name) => it.contributions!.sum[name])),
    )
    assert.equal(await printed('#strategy [data-value]', 'data-value'), Object.values(document.strategies!.predicted))
    assert.is((await printed('[data-post]', 'data-post')).length, 7)
    // Hints of what a pointer would do have no place there.
    assert.is(await page.$$eval('.points', (all) => all.filter((it) => it.checkVisibility()).length), 0)
  })
})

test('with the keyboard: Tab reaches every word, shows what it looked at, Enter keeps it, Escape lets it go', async () => {
  const { document, page: markup } = misc
  await withPage(markup, [{}], async (page) => {
    const reached: string[] = []
    for (let i = 0; i < document.words.length + 3; i++) {
      await page.keyboard.press('Tab')
      reached.push((await page.evaluate('document.activeElement.className')) as string)
      if (i >= document.words.length) continue
      const shown = await page.$$eval('.details > div', (all) => all.filter((it) => !it.hidden).map((it) => it.id))
      assert.equal(shown, [`word-${i}`])
      for (const source of ['context', 'post', 'situation'] as const) {
        const values = await page.$$eval(
          `[data-${source}]`,
          (all, name) => all.map((it) => [Number(it.getAttribute(name)), Number(it.getAttribute('data-value'))]),
          `data-${source}`,
        )
        for (const [at, value] of values)
          assert.is(value, document.words[i]!.attention![source][at!], `${source} ${at}`)
      }
    }
    assert.is(reached.filter((it) => it.startsWith('word')).length, document.words.length)
    assert.ok(reached.filter((it) => it === 'scroll').length >= 2, 'tables can be scrolled with the keyboard')
    await page.focus('.word:nth-child(3)')
    await page.keyboard.press('Enter')
    await page.focus('#table .scroll')
    const kept = () => page.$$eval('.word', (all) => all.findIndex((it) => it.getAttribute('aria-pressed') === 'true'))
    assert.equal([await kept(), await page.$eval('#word-2', (it) => it.hidden)], [2, false])
    await page.keyboard.press('Escape')
    assert.equal([await kept(), await page.$eval('#whole', (it) => it.hidden)], [-1, false])
  })
})

test('what comes from outside stays text', async () => {
  await withPage(misc.page, [{}], async (page) => {
    assert.is(await page.title(), `How a reply of ${hostile.trim()} came about`.replaceAll(/\s+/g, ' '))
    assert.is(await page.$$eval('script', (all) => all.length), 2)
    assert.is(await page.$$eval('b', (all) => all.length), 0)
    const said = await page.$$eval('#dialogue .what', (all) => all.map((it) => it.textContent!))
    assert.ok(said[1]!.includes(hostile.trim()), said[1]!)
    assert.ok(said.at(-1)!.includes(hostile.trim()), said.at(-1)!)
    assert.ok((await page.$eval('[data-post="0"] .what', (it) => it.textContent!)).includes(hostile.trim()))
    assert.ok((await page.$eval('code', (it) => it.textContent!)).includes(hostile))
    const numbers = await page.$eval('#numbers', (it) => it.textContent!)
    assert.equal(JSON.parse(numbers), misc.document)
  })
})

test('other families have what is theirs', async () => {
  const families = {
    joint: [await jointModel(), ['dialogue', 'strategy', 'words', 'table', 'made']],
    moel: [listenersModel('moel-tiny'), ['dialogue', 'emotions', 'listeners', 'words', 'table', 'made']],
    mime: [listenersModel('mime-tiny'), ['dialogue', 'emotions', 'words', 'table', 'made']],
  } as const
  for (const [name, [folder, sections]] of Object.entries(families)) {
    const { document, page: markup } = await drawn(folder, saying('i am sad . why ?'))
    await withPage(markup, [{ width: 390 }], async (page) => {
      assert.equal(await page.$$eval('section', (all) => all.map((it) => it.id)), sections, name)
      assert.is(await isWiderThanItsWindow(page), false, name)
      assert.equal(
        await numbersIn(page, '.word', 'data-probability'),
        document.words.map((it) => it.probability),
      )
      await page.click('.word')
      assert.is(await page.$eval('#word-0', (it) => it.hidden), false)
      if (name === 'joint') assert.ok((await page.$eval('#strategy', (it) => it.textContent!)).includes('replied in'))
      if (name === 'mime')
        assert.match(await page.$eval('#emotions', (it) => it.textContent!), /counts as positive have \d/)
      if (name === 'moel') assert.match(await page.$eval('#listeners', (it) => it.textContent!), /It heard \d+ of \d+/)
    })
  }
})

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected}`)
}

test.run()
