/** The code blocks of a page, and what its comments say of running them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lexer, type Token } from 'marked'
import { root } from './user-folder.js'

/** A code block of README or docs. */
export interface CodeBlock {
  /** `docs/page.md:12`, the line of its first line of code. */
  readonly place: string
  /** `sh` where it says none. */
  readonly language: string
  /** The second word behind the fence: the block is a file of that name, for later blocks to use. */
  readonly file: string | undefined
  readonly text: string
  /** Why it is not run: from `<!-- not run: … -->` ahead of it, or `<!-- nothing here is run: … -->` ahead of all. */
  readonly notRun: string | undefined
  /** Whether it takes long: `<!-- long -->` ahead of it. */
  readonly long: boolean
  /** What it prints, `…` for anything: a `text` block behind it. */
  readonly prints: string | undefined
}

/** All blocks of a page, in their order; those that say what others print are part of these. */
export function codeBlocks(page: string, source = readFileSync(join(root, page), 'utf8')): CodeBlock[] {
  const blocks: CodeBlock[] = []
  const lines = source.split('\n').map((line) => line.trim())
  let line = 0
  let ofPage: string | undefined
  let comment = ''
  for (const token of flat(lexer(source))) {
    if (token.type === 'html') {
      comment = /<!-- (.*?) -->/s.exec(token.raw)?.[1] ?? ''
      ofPage ??= /^nothing here is run: (.*)$/s.exec(comment)?.[1]
    } else if (token.type === 'code') {
      const code = token.text.split('\n')
      line = lines.indexOf(code[0].trim(), line)
      const [language = 'sh', file] = token.lang?.split(' ') ?? []
      const last = blocks.at(-1)
      if (language === 'text' && last) blocks[blocks.length - 1] = { ...last, prints: token.text }
      else {
        const notRun = /^not run: (.*)$/s.exec(comment)?.[1] ?? ofPage
        const place = `${page}:${line + 1}`
        blocks.push({ place, language, file, text: token.text, notRun, long: comment === 'long', prints: undefined })
      }
      line += code.length
      comment = ''
    } else if (token.type !== 'space') comment = ''
  }
  return blocks
}

/** Tokens of a page, with what lies in lists and quotes. */
function flat(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((it) => {
    const inner = 'items' in it ? it.items : it.type === 'list_item' || it.type === 'blockquote' ? it.tokens : undefined
    return inner ? flat(inner as Token[]) : [it]
  })
}
