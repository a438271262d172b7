import type { MiscConfig } from '../../src/models/misc/config.js'
import { readMiscReference } from '../../src/models/misc/reference.js'
import type { ReferenceFile } from '../../src/models/reference.js'

/** How reference files of a MISC model are read. */
export const miscReader = (config: MiscConfig) => ({
  config,
  readReference: (file: ReferenceFile) => readMiscReference(file, config),
})
