/** The kinds of all files of this folder, without their tests being run. */
import { readdirSync } from 'node:fs'

Object.assign(globalThis, { UVU_DEFER: 1, UVU_QUEUE: [[]] })
// uvu looks at these when it is imported.
export const { caseFolder, checkKind, kinds } = await import('./cases.js')
const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
for (const file of files.sort()) await import(new URL(file, import.meta.url).href)
