/** What README, CONTRIBUTING and docs link to within the repository is there, headings included. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lexer, walkTokens } from 'marked'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './user-folder.js'

const links = suite('links')

const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const pages = ['README.md', 'CONTRIBUTING.md', 'examples/README.md', ...docs.map((name) => `docs/${name}`)]

/** Where a page's links lead, and its headings as links name them. */
function linksOf(page: string) {
  const targets: string[] = []
  const headings: string[] = []
  walkTokens(lexer(readFileSync(join(root, page), 'utf8')), (token) => {
    if (token.type === 'link' || token.type === 'image') targets.push(token.href)
    if (token.type === 'heading') headings.push(anchorOf(token.text))
  })
  return { targets, headings }
}

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')

for (const page of pages) {
  links(page, () => {
    const own = linksOf(page).targets.filter((target) => !/^https?:/.test(target))
    for (const target of own) {
      const [path, anchor] = target.split('#')
      const file = path ? join(dirname(page), path) : page
      assert.ok(existsSync(join(root, file)), target)
      if (anchor) assert.ok(linksOf(file).headings.includes(anchor), target)
    }
  })
}

links('are found', () => {
  const count = (page: string) => linksOf(page).targets.length
  assert.ok(count('README.md') > 20 && count('docs/models.md') > 10)
})

links.run()
