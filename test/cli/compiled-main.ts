import { join } from 'node:path'
import { userFolder } from '../user-folder.js'

/** What Node runs as `misc`: the command as it is shipped, compiled once for all tests of this process. */
export const compiledMain = join(userFolder(), 'node_modules/misc-webgpu/dist/cli/main.js')
