import { Gpu } from '../src/gpu/gpu.js'
import { Recorder } from '../src/gpu/recorder.js'
import { writeWeights } from '../src/gpu/weight-format.js'

const gpu = await Gpu.open({ adapter: process.argv[2] ?? 'lavapipe' })
const dtypes = (process.argv[3] ?? 'f32,f16,int8').split(',') as any[]
const shader = process.argv[4] ?? 'gemv.words'
const Cs = (process.argv[5] ?? '4,6,8').split(',').map(Number)
const shapes = [
  [512, 54962, 1],
  [512, 1536, 16],
  [512, 512, 8],
  [1536, 512, 8],
  [512, 2048, 8],
  [2048, 512, 8],
] as const
for (const dtype of dtypes) {
  const bytes = { f32: 4, f16: 2, int8: 1 }[dtype as string]!
  const all: any[] = []
  for (const [k, n, copies] of shapes) {
    const vals = Float32Array.from({ length: n * k }, (_, i) => Math.sin(i * 1.7))
    const weights = Array.from({ length: copies }, () => {
      const w = gpu.tensor('w', [n, k], dtype)
      writeWeights(gpu, w, vals)
      return w
    })
    const x = gpu.tensorFrom('x', [1, k], vals.subarray(0, k))
    const out = gpu.tensor('o', [1, n])
    const bias = gpu.tensor('b', [n])
    for (const C of Cs) {
      const r = new Recorder(gpu)
      const kernel = gpu.kernel(shader, {
        LANES: 8,
        COLUMNS: C,
        ...(dtype !== 'f32' && { weights: dtype }),
        ACTIVATION: 0,
        HAS_BIAS: 1,
        HAS_RESIDUAL: 0,
        HAS_SCALE: dtype === 'int8' ? 1 : 0,
      })
      for (const w of weights)
        r.dispatch(
          kernel,
          { x, weight: w, bias, residual: undefined, out, scale: w.scale },
          { rows: 1, k, n, group_rows: 1 },
          [Math.ceil(n / 8 / C), 1, 1],
        )
      const rec = await r.finish()
      gpu.submit([rec])
      await gpu.idle()
      all.push({ k, n, copies, C, rec, t: [] })
    }
  }
  for (let i = 0; i < 15; i++)
    for (const c of all) {
      const s = performance.now()
      gpu.submit([c.rec])
      await gpu.idle()
      c.t.push(performance.now() - s)
    }
  const total: any = {}
  for (const c of all) {
    c.t.sort((a: number, b: number) => a - b)
    total[c.C] = (total[c.C] ?? 0) + c.t[7]
  }
  for (const [k, n] of shapes)
    console.log(
      dtype,
      k,
      n,
      all
        .filter((c) => c.k === k && c.n === n)
        .map((c) => `C${c.C} ${c.t[7].toFixed(2)} ms ${((k * n * bytes * c.copies) / c.t[7] / 1e6).toFixed(1)} GB/s`)
        .join('   '),
    )
  console.log(dtype, 'total', JSON.stringify(total))
}
await gpu.dispose()
