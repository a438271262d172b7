import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pathOf } from '../../src/io/path-of.js'
import { refused } from '../throws.js'

const path = suite('path-of')

path('a path is itself, a file URL its path', () => {
  assert.is(pathOf('weights/misc-mini', 'x'), 'weights/misc-mini')
  assert.is(pathOf(new URL('file:///a/b%20c/'), 'x'), '/a/b c/')
  assert.is(pathOf(pathToFileURL('/a/ä#?'), 'x'), '/a/ä#?')
})

path('anything else is refused with what it was', async () => {
  for (const [value, got] of [
    ['', /got ""$/],
    ['a\0b', /got "a\\u0000b"$/],
    [7, /got 7$/],
    [null, /got null$/],
    [{ href: 'file:///a' }, /got \{"href":"file:\/\/\/a"\}$/],
    [new URL('https://example.org/a'), /got "https:\/\/example\.org\/a"$/],
    [new URL('file:///a%2Fb'), /got "file:\/\/\/a%2Fb"$/],
    [new URL('file:///a%00b'), /got "file:\/\/\/a%00b"$/],
  ] as [string, RegExp][]) {
    await refused(() => pathOf(value, 'the model folder'), /^the model folder must be a path or a file URL, /, got)
  }
})

path.run()
