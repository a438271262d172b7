import type { Gpu } from '../gpu/gpu.js'
import type { Tensor } from '../gpu/tensor.js'
import type { CapturedOp } from './op-capture.js'
import type { OpCheck } from './op-report.js'
import { opTwin } from './op-twins.js'

/**
 * A program in one file that runs a captured dispatch again, with all that it read, and compares what it writes with float64. It
 * runs in Node, with the package webgpu beside it, and as a module in a browser; WebGPU is all it needs.
 *
 * @param check what was found of the dispatch
 */
export async function reproduction(gpu: Gpu, op: CapturedOp, { tolerance }: OpCheck): Promise<string> {
  const { kernel, parts, params, grid, workgroups } = op
  const { name, code, overrides, bindings, params: fields } = kernel.shader
  const bound = []
  for (const { name: binding, index, type } of bindings) {
    const part = parts[binding]
    const tensor = op.inputs.get(binding) ?? part?.tensor
    let bytes: Uint8Array = new Uint8Array(256)
    if (binding === 'grid') bytes = new Uint8Array(Uint32Array.of(...grid, 0).buffer)
    else if (type === 'uniform') bytes = uniformBytes(fields, params)
    else if (tensor) bytes = (await stored(gpu, tensor)).subarray(part?.offset)
    bound.push({ name: binding, index, type, bytes: Buffer.from(bytes).toString('base64') })
  }
  const exact = await opTwin(gpu, op)
  const expected = Object.fromEntries(
    [...(exact ?? [])].map(([binding, values]) => [
      binding,
      Buffer.from(Float32Array.from(values).buffer).toString('base64'),
    ]),
  )
  const dispatch = {
    shader: name,
    adapter: gpu.adapter.name,
    params,
    overrides,
    workgroups,
    tolerance,
    bindings: bound,
    expected,
  }
  return `// One dispatch of misc-webgpu, ${name}, with all that it read. Run it by
//   npm install webgpu && node first-bad-op.mjs [part of an adapter's name]
// or as a module of a page. It prints how far each result is from float64, and ends with 1 where that is too far.
const code = ${JSON.stringify(code.split('\n'), undefined, 1)}.join('\\n')
const dispatch = ${JSON.stringify(dispatch, undefined, 1)}
${runner}`
}

/** All bytes of a tensor's buffer. */
async function stored(gpu: Gpu, tensor: Tensor): Promise<Uint8Array> {
  const words = await gpu.read({ ...tensor, dtype: 'u32', bytes: tensor.buffer.size })
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}

function uniformBytes(
  fields: CapturedOp['kernel']['shader']['params'],
  params: Readonly<Record<string, number>>,
): Uint8Array {
  const data = new DataView(new ArrayBuffer(Math.ceil((fields.length * 4) / 16) * 16))
  fields.forEach(({ name, type }, i) => {
    const set = { f32: data.setFloat32, i32: data.setInt32, u32: data.setUint32 }[type]
    set.call(data, i * 4, params[name]!, true)
  })
  return new Uint8Array(data.buffer)
}

const runner = `
const wanted = globalThis.process?.argv[2]
const { gpu, done } = await (async () => {
  if (globalThis.navigator?.gpu) return { gpu: navigator.gpu, done: () => {} }
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  return { gpu: create(wanted ? ['adapter=' + wanted] : []), done: (code) => process.exit(code) }
})()
const bytesOf = (text) => Uint8Array.from(atob(text), (it) => it.charCodeAt(0))
const adapter = await gpu.requestAdapter()
if (!adapter) throw new Error('no WebGPU adapter' + (wanted ? ' by the name ' + wanted : '') + '; SwiftShader is found by VK_ICD_FILENAMES')
const limits = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX']
const device = await adapter.requestDevice({
  requiredFeatures: ['subgroups'].filter((it) => adapter.features.has(it)),
  requiredLimits: Object.fromEntries(limits.map((it) => [it, adapter.limits[it]])),
})
const buffers = dispatch.bindings.map(({ type, bytes }) => {
  const data = bytesOf(bytes)
  const usage = (type === 'uniform' ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC) | GPUBufferUsage.COPY_DST
  const buffer = device.createBuffer({ size: Math.max(16, data.length), usage })
  device.queue.writeBuffer(buffer, 0, data)
  return buffer
})
const layout = device.createBindGroupLayout({
  entries: dispatch.bindings.map(({ index, type }) => ({ binding: index, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
})
const pipeline = await device.createComputePipelineAsync({
  layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
  compute: { module: device.createShaderModule({ code }), entryPoint: 'main', constants: dispatch.overrides },
})
const encoder = device.createCommandEncoder()
const pass = encoder.beginComputePass()
pass.setPipeline(pipeline)
pass.setBindGroup(0, device.createBindGroup({
  layout, entries: dispatch.bindings.map(({ index }, i) => ({ binding: index, resource: { buffer: buffers[i] } })),
}))
pass.dispatchWorkgroups(...dispatch.workgroups)
pass.end()
const reads = Object.entries(dispatch.expected).map(([name, text]) => {
  const expected = new Float32Array(bytesOf(text).buffer)
  const source = buffers[dispatch.bindings.findIndex((it) => it.name === name)]
  const buffer = device.createBuffer({ size: expected.byteLength, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  encoder.copyBufferToBuffer(source, 0, buffer, 0, expected.byteLength)
  return { name, expected, buffer }
})
device.queue.submit([encoder.finish()])
let off = false
console.log(dispatch.shader + ', captured on ' + dispatch.adapter + ', run on ' + (adapter.info?.description || adapter.info?.device))
for (const { name, expected, buffer } of reads) {
  await buffer.mapAsync(GPUMapMode.READ)
  const values = new Float32Array(buffer.getMappedRange())
  let worst = 0
  const error = (i) => { const it = Math.abs(values[i] - expected[i]); return Number.isNaN(it) ? Infinity : it }
  for (let i = 0; i < expected.length; i++) if (error(i) > error(worst)) worst = i
  const bad = error(worst) > dispatch.tolerance
  off ||= bad
  console.log(name + ': ' + expected.length + ' values, the farthest off by ' + error(worst) + ', ' + (bad ? 'MORE' : 'no more') +
    ' than ' + dispatch.tolerance + ': [' + worst + '] is ' + values[worst] + ', float64 gives ' + expected[worst])
}
done(off ? 1 : 0)
`
