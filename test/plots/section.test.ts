import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renderMarkdown, renderSectionsHtml, renderText } from '../../src/plots/section.js'

const sections = suite('plots/section')
const table = {
  columns: ['op', 'ms'],
  rows: [
    ['gemm', '12.5'],
    ['gemv, plain', '3'],
  ],
}

sections('text: names on the left, figures on the right', () => {
  assert.is(
    renderText([
      { title: 'One', notes: ['a note'], table },
      { title: 'Two', notes: [] },
    ]),
    'One\n  a note\n  op             ms\n  gemm         12.5\n  gemv, plain     3\n\nTwo\n',
  )
})

sections('Markdown and HTML: what comes from outside is text, never markup', () => {
  const hostile = '<b>|`*_[x](http://y)\n# &'
  const section = { title: hostile, notes: [hostile], table: { columns: ['a'], rows: [[hostile]] } }
  const escaped = '\\<b\\>\\|\\`\\*\\_\\[x\\](http://y) \\# \\&'
  assert.is(renderMarkdown([section]), `## ${escaped}\n\n- ${escaped}\n\n| a |\n| --- |\n| ${escaped} |\n`)
  const html = renderSectionsHtml([section])
  assert.not.match(html, /<b>|&(?!lt;|gt;|amp;)/)
  assert.is(html.split('&lt;b&gt;|`*_[x](http://y)\n# &amp;').length, 4)
})

sections.run()
