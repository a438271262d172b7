import { comet, family as familySizes, gemm, lengths } from './work.js'

/** Whose COMET is timed beside ours. */
export type CometPeer = 'PyTorch COMET' | 'onnxruntime COMET'
/** Who is timed beside us; `self` is another task of ours. */
export type Peer = 'onnxruntime webgpu' | 'onnxruntime cpu' | 'PyTorch' | 'tfjs webgpu' | 'self' | CometPeer

/** Families at their published sizes, by the configs that lie in bench; MISC is the base model, and COMET has rows of its own. */
export const families = {
  blenderbot: { title: 'BlenderBot-small', config: 'blenderbot-small-90M' },
  joint: { title: 'BlenderBot-Joint', config: 'blenderbot-joint' },
  transformer: { title: '(MT) Transformer', config: 'transformer' },
  moel: { title: 'MoEL', config: 'moel' },
  mime: { title: 'MIME', config: 'mime' },
} as const
export type FamilyName = keyof typeof families
export const familyNames = Object.keys(families) as FamilyName[]

export const isComet = (peer: Peer): peer is CometPeer => peer.endsWith('COMET')

/** A line of the table: our task against a peer's, by the medians of milliseconds. */
export interface Row {
  readonly id: string
  /** Whose row it is, where it is not the base model's, or COMET's. */
  readonly family?: FamilyName
  readonly what: string
  readonly against: string
  readonly peer: Peer
  readonly task: string
  /** The peer's, where it is another. */
  readonly peerTask?: string
  /** What both say of the work before it is timed; where it differs they do not do the same. */
  readonly agreed?: string
  /** In every dtype asked for, beside f32. */
  readonly everyDtype?: true
  /** How many times faster the project wants it at least, and its aim, for the JSON report; some rows have none. */
  readonly least?: number
  readonly aim?: number
  /** Turns each; runs of ours and of the peer's in a turn. */
  readonly turns: number
  readonly runs: readonly [ours: number, peer: number]
  /** A time in the unit of the table. */
  readonly figure: (ms: number) => number
  readonly unit: string
}

const same = (ms: number) => ms
const rate =
  ({ rows, k, n }: typeof gemm) =>
  (ms: number) =>
    (2 * rows * k * n) / ms / 1e6
const product = { turns: 5, runs: [4, 4], figure: rate(gemm), unit: 'GFLOP/s', task: 'gemm' } as const
const vector = { turns: 5, runs: [4, 2], figure: same, unit: 'ms', task: 'gemv' } as const
const decode = { turns: 5, runs: [6, 3], figure: same, unit: 'ms per token', task: 'decode' } as const
const tails = {
  ...({ task: 'tails', agreed: 'tails of a query', turns: 3, runs: [1, 1], unit: 'tails/s' } as const),
  what: `${comet.queries} queries × ${comet.beams} beams, COMET-BART at base size, f32`,
  figure: (ms: number) => (comet.queries * comet.beams) / (ms / 1e3),
} as const
const encode = { turns: 3, runs: [1, 1], figure: same, unit: 'ms', task: 'encode' } as const

/** A whole reply at a turn: its first steps find the other's data in the caches, and PyTorch's threads still spinning for some milliseconds. */
const steps = familySizes.tokens

/** Rows of a family: PyTorch with caches, beside a step of ours and beside its reads alone, and the baselines' own way, without caches. */
function familyRows(family: FamilyName): Row[] {
  const { title } = families[family]
  const row = { family, peer: 'PyTorch', agreed: 'ids of a reply' } as const
  const rows: Row[] = [
    {
      ...{ ...encode, ...row, id: `${family}-encode`, what: `${title}, encode` },
      ...{ against: 'PyTorch on the CPU', turns: 5, runs: [3, 3] },
    },
    {
      ...{ ...decode, ...row, id: `${family}-decode`, what: `${title}, decode, f32` },
      ...{ against: 'PyTorch on the CPU, cached', runs: [steps, steps], everyDtype: true },
    },
    {
      ...{ ...decode, family, peer: 'PyTorch', id: `${family}-read`, what: `${title}, only a step’s reads, f32` },
      ...{ task: 'read step', peerTask: 'decode', against: 'PyTorch on the CPU, cached: decode' },
      ...{ turns: 3, runs: [1, steps], everyDtype: true },
    },
  ]
  if (family === 'blenderbot' || family === 'joint') return rows
  const released: Row = {
    ...{ ...decode, ...row, id: `${family}-released`, what: `${title}, decode, f32`, peerTask: 'released' },
    ...{
      against: 'PyTorch on the CPU, as released: no cache',
      runs: [steps, 1],
      agreed: 'ids of a reply, as released',
    },
  }
  return [...rows, released]
}

/** The tables of issue 3, a row each, two more, and those of the families. */
export const rows: readonly Row[] = [
  {
    ...decode,
    id: 'decode',
    what: 'decode, f32',
    against: 'onnxruntime-node WebGPU',
    peer: 'onnxruntime webgpu',
    least: 15,
    aim: 25,
  },
  {
    ...decode,
    id: 'decode-cpu',
    what: 'decode, f32',
    against: 'onnxruntime-node CPU',
    peer: 'onnxruntime cpu',
    everyDtype: true,
    runs: [6, 10],
    least: 0.4,
    aim: 1,
  },
  {
    ...decode,
    id: 'decode-torch',
    what: 'decode, f32',
    against: 'PyTorch on the CPU, cached',
    peer: 'PyTorch',
    runs: [6, 6],
    least: 1,
    aim: 1.5,
  },
  {
    ...encode,
    id: 'encode',
    what: 'encode, cold blocks',
    against: 'onnxruntime-node WebGPU',
    peer: 'onnxruntime webgpu',
    least: 5,
    aim: 10,
  },
  {
    ...encode,
    id: 'encode-torch',
    what: 'encode, cold blocks',
    against: 'PyTorch on the CPU',
    peer: 'PyTorch',
    least: 1,
    aim: 1.5,
  },
  {
    ...{
      id: 'blocks',
      what: `${lengths.manyBlocks} blocks alone`,
      against: 'onnxruntime-node WebGPU, padded',
      peer: 'onnxruntime webgpu',
    },
    ...{ task: 'blocks', turns: 2, runs: [1, 1], least: 8, aim: 15 },
    ...{ figure: (ms) => lengths.manyBlocks / (ms / 1e3), unit: 'blocks/s' },
  },
  {
    ...product,
    id: 'gemm',
    what: 'GEMM 256×512×2048, f32',
    against: 'onnxruntime-node WebGPU',
    peer: 'onnxruntime webgpu',
    least: 3.5,
    aim: 5,
  },
  {
    ...vector,
    id: 'gemv',
    what: 'GEMV 1×512×54944, f32',
    against: 'onnxruntime-node WebGPU',
    peer: 'onnxruntime webgpu',
    least: 10,
    aim: 20,
  },
  {
    ...{
      id: 'batch',
      what: 'decode at batch 16, f32',
      against: 'own batch 1',
      peer: 'self',
      task: 'decode 16',
      peerTask: 'decode',
    },
    ...{ turns: 4, runs: [2, 6], least: 4, aim: 8, figure: (ms) => 1e3 / ms, unit: 'tokens/s' },
  },
  {
    ...{ id: 'mbu', what: 'decode traffic, f32 (MBU)', against: 'the adapter reading at its measured bandwidth' },
    ...{ peer: 'self', task: 'decode', peerTask: 'read step', turns: 4, runs: [6, 1], least: 0.6, aim: 0.85 },
    ...{ figure: same, unit: 'ms per token' },
  },
  { ...product, id: 'gemm-tfjs', what: 'GEMM 256×512×2048, f32', against: 'tfjs-webgpu', peer: 'tfjs webgpu' },
  { ...vector, id: 'gemv-tfjs', what: 'GEMV 1×512×54944, f32', against: 'tfjs-webgpu', peer: 'tfjs webgpu' },
  {
    ...tails,
    id: 'comet',
    against: 'PyTorch on the CPU, a query at a time',
    peer: 'PyTorch COMET',
    least: 1.5,
    aim: 3,
  },
  {
    ...tails,
    id: 'comet-onnxruntime',
    against: 'onnxruntime-node WebGPU, a query at a time',
    peer: 'onnxruntime COMET',
    turns: 1,
    least: 8,
  },
  ...familyNames.flatMap(familyRows),
]
