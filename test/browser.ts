/** A real browser, for tests of the pages that commands write. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import chromium from '@sparticuz/chromium'
import puppeteer, { type Page } from 'puppeteer-core'
import * as assert from 'uvu/assert'
import { tempFolder } from './temp.js'

/** How a reader looks at a page. */
export interface Reader {
  /** default: 1200 */
  readonly width?: number
  /** default: false */
  readonly dark?: boolean
}

const systemChromium = '/usr/bin/chromium'

/**
 * Opens a page in headless Chromium: the system's, or that of npm. An error on its console, or a request for anything but the page,
 * fails.
 */
export async function withPage(
  html: string,
  readers: readonly Reader[],
  work: (page: Page, reader: Reader) => Promise<void>,
) {
  const executablePath = existsSync(systemChromium) ? systemChromium : await chromium.executablePath()
  const browser = await puppeteer.launch({ executablePath, headless: 'shell', args: ['--no-sandbox', '--disable-gpu'] })
  try {
    const file = join(tempFolder(), 'page.html')
    writeFileSync(file, html)
    const url = pathToFileURL(file).href
    for (const reader of readers) {
      const { width = 1200, dark = false } = reader
      const page = await browser.newPage()
      const faults: string[] = []
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
      page.on('pageerror', (error) => faults.push(String(error)))
      page.on('request', (request) => request.url() !== url && faults.push(`a request for ${request.url()}`))
      await page.setViewport({ width, height: 900 })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }])
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
