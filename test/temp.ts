import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A new folder for a test's files, removed when the test run ends. */
export function tempFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'misc-test-'))
  folders.push(folder)
  return folder
}
