import { GpuError } from '../errors.js'
import type { Platform } from './platform.js'

/** One `@group(0) @binding(n)` of a shader. */
export interface ShaderBinding {
  readonly name: string
  readonly index: number
  readonly type: GPUBufferBindingType
}

/** A shader file with its constants put in, and what its declarations say of it. */
export interface Shader {
  readonly name: string
  readonly code: string
  /** What it was asked for with. */
  readonly constants: Constants
  /** Values of the `override`s: the rest of the constants stand in the code. */
  readonly overrides: Record<string, number>
  readonly bindings: readonly ShaderBinding[]
  /** Fields of `struct Params`, in order, where the shader has one. */
  readonly params: readonly { readonly name: string; readonly type: 'u32' | 'i32' | 'f32' }[]
}

/** A helper's stand-in: one line, or the lines from `// from FILE.wgsl {` to `// }`. */
const standIn = /^\/\/ from (\S+\.wgsl) \{\n[\s\S]*?^\/\/ \}$|^.*\/\/ from (\S+\.wgsl)$/gm

/** What stands in a helper's file below a line of dashes, if there is one: what stands above is there for its readers. */
const belowDashes = (code: string): string => code.split(/^\/\/ -+\n/m).at(-1)!

/** Values for a shader's constants; a word says which of several helpers stands where the shader names one of them. */
export type Constants = Readonly<Record<string, number | string>>

/** A shader file with its stand-ins replaced, and theirs, by the helpers chosen where there is a choice. */
function read(texts: Platform['shaders'], file: string, choices: Map<string, string>, chosen: Set<string>): string {
  const code = texts[file]
  if (code === undefined) throw new GpuError(`there is no shader ${file}`)
  return code.replace(standIn, (_, block?: string, line?: string) => {
    const helper = (block ?? line)!.split('.')[0]!
    const choice = choices.get(helper)
    if (choice === undefined) return belowDashes(read(texts, (block ?? line)!, choices, chosen))
    chosen.add(helper)
    return belowDashes(read(texts, `${helper}.${choice}.wgsl`, choices, chosen))
  })
}

/**
 * Takes `shaders/{name}.wgsl` and prepares it for one set of constants.
 *
 * The files are plain WGSL. A constant replaces the value of an `override NAME` (at pipeline creation) or of a top-level
 * `const NAME: type = value;` (in the text). A helper is written once, in a file of its own; where it is used, declarations
 * that end in `// from FILE.wgsl`, or stand between `// from FILE.wgsl {` and `// }`, are a stand-in that its file replaces.
 * Where a helper is to be had in several forms, a constant of its name picks one: with `{ weights: 'f16' }` the file
 * `weights.f16.wgsl` replaces what the shader names as `weights.f32.wgsl`.
 *
 * @param everywhere helpers picked for every shader that names them.
 * @throws GpuError for a shader that is not there, or a constant that it does not declare.
 */
export function loadShader(
  texts: Platform['shaders'],
  name: string,
  constants: Constants = {},
  everywhere: Readonly<Record<string, string>> = {},
): Shader {
  const choices = Object.entries(constants).filter((it): it is [string, string] => typeof it[1] === 'string')
  const chosen = new Set<string>()
  let code = read(texts, `${name}.wgsl`, new Map([...Object.entries(everywhere), ...choices]), chosen)
  code = directivesFirst(code)
  const overrides: Record<string, number> = {}
  for (const [constant, value] of Object.entries(constants)) {
    if (chosen.has(constant)) continue
    if (typeof value === 'string') throw new GpuError(`shader ${name} takes no helper ${constant}`)
    if (new RegExp(`^override ${constant}\\b`, 'm').test(code)) {
      overrides[constant] = value
      continue
    }
    const declaration = new RegExp(`^(const ${constant}(: *\\w+)?) *=[^;]*;`, 'm')
    if (!declaration.test(code)) throw new GpuError(`shader ${name} declares no constant ${constant}`)
    code = code.replace(declaration, (_, head: string, type = '') => `${head} = ${literal(value, type)};`)
  }
  return { name, code, constants, overrides, bindings: bindingsOf(code), params: paramsOf(code) }
}

/** WGSL wants `enable` and `diagnostic` ahead of all else, whichever helper needs them. */
function directivesFirst(code: string): string {
  const directive = /^(enable|diagnostic)\b[^;]*;.*\n/gm
  return [...new Set(code.match(directive)), code.replace(directive, '')].join('')
}

function literal(value: number, type: string): string {
  if (type.includes('bool')) return value ? 'true' : 'false'
  if (type.includes('f')) return Number.isInteger(value) ? `${value}.0` : `${value}`
  return `${value}`
}

function bindingsOf(code: string): ShaderBinding[] {
  const pattern = /@group\(0\) @binding\((\d+)\)\s*var<(uniform|storage, read_write|storage, read|storage)> (\w+)/g
  const types: Record<string, GPUBufferBindingType> = { uniform: 'uniform', 'storage, read_write': 'storage' }
  return [...code.matchAll(pattern)].map(([, index, space, name]) => ({
    name: name!,
    index: Number(index),
    type: types[space!] ?? 'read-only-storage',
  }))
}

function paramsOf(code: string): Shader['params'] {
  const body = /struct Params \{([^}]*)\}/.exec(code)?.[1]?.replace(/\/\/.*/g, '') ?? ''
  return [...body.matchAll(/(\w+): (u32|i32|f32)/g)].map((match) => ({
    name: match[1]!,
    type: match[2] as 'u32' | 'i32' | 'f32',
  }))
}
