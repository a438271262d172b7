import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root, runNode, userFolder } from './user-folder.js'

const readme = suite('README')

readme(
  'its library example runs as pasted into an .mjs, prints two replies and what was inferred, and lets the process end',
  () => {
    const text = readFileSync(join(root, 'README.md'), 'utf8')
    const [, program] = /^## Use it\n+```js\n(.*?)^```$/ms.exec(text) ?? []
    assert.ok(program, 'README has no ```js block under "Use it"')
    // What Node 20 cannot parse, whatever version runs this test.
    assert.not.match(program, /await using/)
    const folder = userFolder()
    writeFileSync(join(folder, 'example.mjs'), program)
    const [reply, blocks, streamed, ...rest] = runNode(folder, 'example.mjs').split('\n')
    assert.match(reply!, /^\S.* (?:Question|Reflection|Information|Restatement|Others|Self|Affirmation|Providing)/)
    assert.match(blocks!, /^xAttr \S.*; xReact \S/)
    assert.match(streamed!, /^\S+ \S+/)
    assert.equal(rest, [])
  },
)

readme.run()
