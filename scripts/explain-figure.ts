/** Draws docs/explain.png, or the file that is named: what `misc explain` shows of a word, of the packaged model's reply. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runProgram } from '../src/cli/program.js'
import { launchChromium } from './chromium.js'

const root = fileURLToPath(new URL('../', import.meta.url))
/** The reply, and the word that is pointed at. */
const [seed, word] = [5, 6]

const scratch = await mkdtemp(join(tmpdir(), 'misc-explain-'))
try {
  const page = join(scratch, 'reply.html')
  const dialogue = join(root, 'examples/dialogue.json')
  await runProgram(['explain', '--input', dialogue, '--seed', String(seed), '--out', page], () => false)
  const browser = await launchChromium()
  const tab = await browser.newPage()
  await tab.setViewport({ width: 1000, height: 1150 })
  await tab.goto(pathToFileURL(page).href)
  await tab.click(`.word:nth-child(${word + 1})`)
  const box = async (selector: string) => (await (await tab.$(selector))!.boundingBox())!
  const [words, context] = [await box('#words'), await box('.read')]
  const bottom = context.y + context.height - words.y + 16
  const path = process.argv[2] ?? join(root, 'docs/explain.png')
  const top = words.y + Number(await tab.evaluate('scrollY'))
  await tab.screenshot({ path, clip: { x: 0, y: top, width: 1000, height: bottom }, captureBeyondViewport: true })
  await browser.close()
} finally {
  await rm(scratch, { recursive: true, force: true })
}
