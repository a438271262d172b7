/** The pages whose code blocks are run, and where. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeBlocks } from './code-blocks.js'
import { repositoryPlace, runBlock, userPlace } from './run-blocks.js'
import { root } from './user-folder.js'

/** Pages for those who work on the repository; all others are for those who use the package. */
const forDevelopers = ['docs/adding-a-family.md', 'docs/writing-a-kernel.md']

/** Those whose name contains this word, where one is given. */
const wanted = process.env.MISC_TEST_PAGES ?? ''

const pages = ['README.md', 'bench/peers/README.md', 'reference/README.md']
  .concat(readdirSync(join(root, 'docs')).map((name) => `docs/${name}`))
  .filter((it) => it.endsWith('.md') && it.includes(wanted))
  .sort()

/**
 * Defines a test for each page that has blocks of this kind. A page's blocks share a folder, so those of one that takes long are all
 * long ones.
 */
export function documentSuite(name: string, long: boolean): void {
  const documents = suite(name)
  for (const page of pages) {
    const blocks = codeBlocks(page)
    if (blocks.length === 0 || blocks.some((it) => it.long) !== long) continue
    documents(page, async () => {
      const folder = forDevelopers.includes(page) ? repositoryPlace() : userPlace()
      const counts = new Map<string, number>()
      for (const [i, block] of blocks.entries()) {
        const done = await runBlock(block, folder, blocks.slice(i + 1)).catch((error: Error) => {
          error.message = `${block.place}: ${error.message}`
          throw error
        })
        counts.set(done, (counts.get(done) ?? 0) + 1)
        if (block.notRun !== undefined) process.stdout.write(`  ${block.place}: ${done}: ${block.notRun}\n`)
      }
      process.stdout.write(`  ${page}: ${[...counts].map(([done, count]) => `${count} ${done}`).join('; ')}\n`)
      assert.is(
        [...counts.values()].reduce((sum, it) => sum + it, 0),
        blocks.length,
      )
    })
  }
  documents.run()
}
