import { existsSync } from 'node:fs'
import chromium from '@sparticuz/chromium'
import puppeteer, { type Browser } from 'puppeteer-core'

const systemChromium = '/usr/bin/chromium'

/** Starts a headless Chromium: the system's, or that of npm. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = existsSync(systemChromium) ? systemChromium : await chromium.executablePath()
  return puppeteer.launch({ executablePath, headless: 'shell', args: ['--no-sandbox', '--disable-gpu'] })
}
