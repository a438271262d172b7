import { pathToFileURL } from 'node:url'

/**
 * The URL of this module, or of the bundle that holds it: where packages are looked for. A CommonJS bundle has no
 * `import.meta.url`, a module no `__filename`.
 */
export const here: string = typeof __filename === 'string' ? pathToFileURL(__filename).href : import.meta.url
