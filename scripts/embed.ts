/**
 * Puts the values of src/platform/node/packaged.ts into a build, in place of the code that reads them from files:
 * `node --import tsx scripts/embed.ts [DIST]`. `npm run build` ends with it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as packaged from '../src/platform/node/packaged.js'

const [dist = 'dist'] = process.argv.slice(2)
const lines = Object.entries(packaged).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
writeFileSync(join(dist, 'platform/node/packaged.js'), lines.join(''))
