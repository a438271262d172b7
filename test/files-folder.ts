import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempFolder } from './temp.js'

/** A new folder with these files: text as it is, anything else as JSON. */
export function filesFolder(files: Record<string, unknown>): string {
  const path = tempFolder()
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return path
}
