import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FileLock } from '../../src/io/file-lock.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const lock = suite('io/file-lock')
const claims = (path: string) => readdirSync(dirname(path)).filter((it) => it.startsWith(`${basename(path)}.`))
const fileIn = (folder: string) => join(folder, 'rows.jsonl')

/** A process that takes the lock of a file, says how that ended, and lives until its stdin is closed. */
const source = `
  import { FileLock } from ${JSON.stringify(new URL('../../src/io/file-lock.ts', import.meta.url).href)}
  await FileLock.take(process.argv[1]).then(() => console.log('has it'), (error) => console.log(error.name))
  process.stdin.resume()
`

async function started(path: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [said] = await once(child.stdout, 'data')
  return { child, ended, said: String(said).trim() }
}

lock('in one process: the second is refused until the first has given it back', async () => {
  const path = fileIn(tempFolder())
  const first = await FileLock.take(path)
  await refused(
    () => FileLock.take(path),
    /rows\.jsonl: process \d+@.* is writing it: wait until it has ended, or give/,
  )
  first[Symbol.dispose]()
  assert.equal(claims(path), [])
  using second = await FileLock.take(path)
  assert.ok(existsSync(second.claim))
})

lock('of processes that begin at once one has it; a killed one’s claim is taken away', async () => {
  const path = fileIn(tempFolder())
  const all = await Promise.all([1, 2, 3].map(() => started(path)))
  const having = all.filter(({ said }) => said === 'has it')
  assert.equal(all.map(({ said }) => said).sort(), ['InputError', 'InputError', 'has it'])
  await refused(() => FileLock.take(path), new RegExp(`process ${having[0]!.child.pid}@`))
  for (const { child } of all) child.kill('SIGKILL')
  await Promise.all(all.map(({ ended }) => ended))
  assert.is(claims(path).length, 1)
  using own = await FileLock.take(path)
  assert.equal(claims(path), [basename(own.claim)])
})

lock(
  'a claim of this process’s number from before is no claim; another machine’s is, and others’ files are none',
  async () => {
    const path = fileIn(tempFolder())
    writeFileSync(`${path}.${process.pid}@${hostname()}.lock`, '')
    for (const name of ['.lock', '.1@.lock', `.1@${hostname()}`, '.a5c3']) writeFileSync(`${path}${name}`, '')
    writeFileSync(`${path}x.1@${hostname()}.lock`, '')
    const own = await FileLock.take(path)
    own[Symbol.dispose]()
    writeFileSync(`${path}.7@elsewhere.lock`, '')
    await refused(() => FileLock.take(path), /process 7@elsewhere is writing it: .* take .*7@elsewhere\.lock away$/)
    assert.ok(existsSync(`${path}.7@elsewhere.lock`))
    await refused(() => FileLock.take(join(dirname(path), 'none', 'a')), /cannot be written .*; choose another folder/)
  },
)

lock.run()
