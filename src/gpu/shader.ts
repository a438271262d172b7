import { readFileSync } from 'node:fs'
import { GpuError } from '../errors.js'

const folder = new URL('../../shaders/', import.meta.url)

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

/** A shader file with its stand-ins replaced, and theirs. */
function read(file: string): string {
  const code = readFileSync(new URL(file, folder), 'utf8')
  return code.replace(standIn, (_, block?: string, line?: string) => belowDashes(read((block ?? line)!)))
}

/**
 * Reads `shaders/{name}.wgsl` and prepares it for one set of constants.
 *
 * The files are plain WGSL. A constant replaces the value of an `override NAME` (at pipeline creation) or of a top-level
 * `const NAME: type = value;` (in the text). A helper is written once, in a file of its own; where it is used, declarations
 * that end in `// from FILE.wgsl`, or stand between `// from FILE.wgsl {` and `// }`, are a stand-in that its file replaces.
 *
 * @throws GpuError for a constant that the shader does not declare.
 */
export function loadShader(name: string, constants: Readonly<Record<string, number>> = {}): Shader {
  let code = read(`${name}.wgsl`)
  const overrides: Record<string, number> = {}
  for (const [constant, value] of Object.entries(constants)) {
    if (new RegExp(`^override ${constant}\\b`, 'm').test(code)) {
      overrides[constant] = value
      continue
    }
    const declaration = new RegExp(`^(const ${constant}(: *\\w+)?) *=[^;]*;`, 'm')
    if (!declaration.test(code)) throw new GpuError(`shader ${name} declares no constant ${constant}`)
    code = code.replace(declaration, (_, head: string, type = '') => `${head} = ${literal(value, type)};`)
  }
  return { name, code, overrides, bindings: bindingsOf(code), params: paramsOf(code) }
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
