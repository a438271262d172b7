/** A real browser, for tests of the pages that commands write. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'puppeteer-core'
import * as assert from 'uvu/assert'
import { launchChromium } from '../scripts/chromium.js'
import { tempFolder } from './temp.js'

/** How a reader looks at a page. */
export interface Reader {
  /** default: 1200 */
  readonly width?: number
  /** default: false */
  readonly dark?: boolean
  /** As on paper; default: false */
  readonly print?: boolean
}

/** A4 within its margins, in CSS pixels: where the reader's screen is dark, which paper is not. */
export const PAPER: Reader = { width: 718, dark: true, print: true }

/**
 * Opens a page in headless Chromium: the system's, or that of npm. An error on its console, or a request for anything but the page,
 * fails.
 */
export async function withPage(
  html: string,
  readers: readonly Reader[],
  work: (page: Page, reader: Reader) => Promise<void>,
) {
  const browser = await launchChromium()
  try {
    const file = join(tempFolder(), 'page.html')
    writeFileSync(file, html)
    const url = pathToFileURL(file).href
    for (const reader of readers) {
      const { width = 1200, dark = false, print = false } = reader
      const page = await browser.newPage()
      const faults: string[] = []
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
      page.on('pageerror', (error) => faults.push(String(error)))
      page.on('request', (request) => request.url() !== url && faults.push(`a request for ${request.url()}`))
      await page.setViewport({ width, height: 900 })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }])
      if (print) await page.emulateMediaType('print')
      await page.goto(url)
      await work(page, reader)
      assert.equal(faults, [])
      await page.close()
    }
  } finally {
    await browser.close()
  }
}

/** Whether a page has to be moved sideways to be read. */
export const isWiderThanItsWindow = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth > window.innerWidth') as Promise<boolean>

/**
 * What paper has: black on white, every table and plot whole within its width, and no part of one hidden or cut off.
 *
 * @param tables how many there are to be seen
 */
export async function checkPrinted(page: Page, tables: number): Promise<void> {
  const { paper, ink, shown, cut } = (await page.evaluate(`(() => {
    const style = (it) => getComputedStyle(it)
    const seen = (all) => [...document.querySelectorAll(all)].filter((it) => it.checkVisibility())
    return {
      paper: style(document.body).backgroundColor,
      ink: style(document.body).color,
      shown: seen('table').length,
      cut: seen('table, svg, ul, ol, pre')
        .filter((it) => it.getBoundingClientRect().right > window.innerWidth + 0.5 ||
          [it, it.parentElement].some((box) => style(box).overflowX !== 'visible' && box.scrollWidth > box.clientWidth + 1))
        .map((it) => it.parentElement.outerHTML.slice(0, 120)),
    }
  })()`)) as { paper: string; ink: string; shown: number; cut: string[] }
  assert.is(paper, 'rgb(255, 255, 255)')
  assert.ok(/^rgb\((\d+), \1, \1\)$/.test(ink) && Number(/\d+/.exec(ink)![0]) < 64, ink)
  assert.is(shown, tables)
  assert.equal(cut, [])
  assert.is(await isWiderThanItsWindow(page), false)
  assert.ok((await page.pdf({ format: 'a4' })).length > 10_000)
}

/** What hovering the marks of a plot shows, in their order. */
export const markTitles = (page: Page, id: string): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('#${id} g title')].map((it) => it.textContent)`) as Promise<string[]>

/** Every plot is drawn at a size that is read, and its text has the colour of the page's. */
export async function checkPlots(page: Page, ids: readonly string[], { dark = false }: Reader): Promise<void> {
  const found = (await page.evaluate(`[...document.querySelectorAll('svg')].map((svg) => ({
    id: svg.id,
    width: svg.getBoundingClientRect().width,
    named: svg.getAttribute('aria-labelledby').split(' ').every((id) => document.getElementById(id)?.textContent),
    fills: [...new Set([...svg.querySelectorAll('.role-axis text')].map((it) => getComputedStyle(it).fill))],
  }))`)) as { id: string; width: number; named: boolean; fills: string[] }[]
  assert.equal(
    found.map(({ id }) => id),
    ids,
  )
  const ink = dark ? 'rgb(230, 230, 230)' : 'rgb(34, 34, 34)'
  for (const { id, width, named, fills } of found)
    assert.equal([id, named, width >= 340, fills], [id, true, true, [ink]])
  const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor')
  assert.is(paper, dark ? 'rgb(23, 25, 28)' : 'rgb(255, 255, 255)')
}
