import { GpuError } from '../errors.js'
import type { Platform } from './platform.js'
import { type Constants, loadShader, type Shader } from './shader.js'

/** A compute pipeline of one shader with one set of constants; it compiles in the background once asked for. */
export interface Kernel {
  readonly shader: Shader
  /** Resolves when the pipeline is compiled. */
  readonly ready: Promise<void>
  /** @internal */
  readonly layout: GPUBindGroupLayout
  /** @internal Set once {@link ready} has resolved. */
  readonly pipeline: GPUComputePipeline | undefined
}

/** The compiled kernels of one device, by shader name, entry point and constants. */
export class KernelCache {
  readonly #kernels = new Map<string, Kernel>()

  /** @param helpers picked for every shader that names them. */
  constructor(
    readonly device: GPUDevice,
    readonly shaders: Platform['shaders'],
    readonly helpers: Readonly<Record<string, string>> = {},
  ) {}

  get size(): number {
    return this.#kernels.size
  }

  /** The kernel, its compilation started if this is the first call for it. */
  get(name: string, constants: Constants = {}, entryPoint = 'main'): Kernel {
    const key = `${name}:${entryPoint}:${JSON.stringify(Object.entries(constants).sort())}`
    let kernel = this.#kernels.get(key)
    if (!kernel) {
      kernel = this.#create(loadShader(this.shaders, name, constants, this.helpers), entryPoint)
      this.#kernels.set(key, kernel)
    }
    return kernel
  }

  #create(shader: Shader, entryPoint: string): Kernel {
    const { device } = this
    const label = entryPoint === 'main' ? shader.name : `${shader.name}.${entryPoint}`
    // What is wrong here makes the pipeline's promise reject; without a scope it would end the device as well.
    device.pushErrorScope('validation')
    const layout = device.createBindGroupLayout({
      label,
      entries: shader.bindings.map(({ index, type }) => ({ binding: index, visibility: 4, buffer: { type } })),
    })
    const module = device.createShaderModule({ label, code: shader.code })
    const kernel = {
      shader,
      layout,
      pipeline: undefined as GPUComputePipeline | undefined,
      ready: device
        .createComputePipelineAsync({
          label,
          layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
          compute: { module, entryPoint, constants: shader.overrides },
        })
        .then(
          (pipeline) => {
            kernel.pipeline = pipeline
          },
          async (error) => {
            throw new GpuError(`shader ${label} does not compile: ${await compileLog(module, shader)}${error.message}`)
          },
        ),
    }
    device.popErrorScope().catch(() => {})
    // A failure is reported to whoever awaits the kernel; until then it must not count as unhandled.
    kernel.ready.catch(() => {})
    return kernel
  }
}

/** The compiler's messages, each with its line and column and the line itself. */
async function compileLog(module: GPUShaderModule, shader: Shader): Promise<string> {
  const lines = shader.code.split('\n')
  const { messages } = await module.getCompilationInfo()
  return messages
    .map((it) => `${shader.name}.wgsl:${it.lineNum}:${it.linePos}: ${it.message}\n  ${lines[it.lineNum - 1] ?? ''}\n`)
    .join('')
}
