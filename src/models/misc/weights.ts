import type { Gpu } from '../../gpu/gpu.js'
import { Staging } from '../../gpu/staging.js'
import type { Tensor } from '../../gpu/tensor.js'
import { sizeOf, type WeightDtype } from '../../gpu/tensor.js'
import { roomFor } from '../../gpu/weight-format.js'
import type { TensorReader } from '../../io/safetensors.js'
import type { MiscConfig, Variant } from './config.js'
import type { CheckedTensors } from './tensor-names.js'

/** y = x · weightᵀ + bias. */
export interface Linear {
  /** [out, in] */
  readonly weight: Tensor
  /** [out] */
  readonly bias: Tensor
}

/** Layer norm's affine part. */
export interface Norm {
  /** [d] */
  readonly weight: Tensor
  /** [d] */
  readonly bias: Tensor
}

/** `fc1`, `fc2` and the norm after them. */
export interface FeedForward {
  readonly expand: Linear
  readonly contract: Linear
  readonly norm: Norm
}

export interface EncoderLayer {
  /** [d, d] */
  readonly query: Linear
  /** k_proj over v_proj: [2d, d] */
  readonly keyValue: Linear
  readonly output: Linear
  readonly norm: Norm
  readonly feedForward: FeedForward
}

/** Eq. 4 as printed: one layer norm a source. */
export interface PaperFusion {
  readonly variant: 'paper'
  readonly post: Norm
  readonly situation: Norm
}

/** One source's part of the released fusion in one encoder layer. */
export interface MutualAttention {
  /** k_proj, of the block states. */
  readonly key: Linear
  /** v2_proj, of the block states. */
  readonly value: Linear
  readonly norm2: Norm
  readonly feedForward: Linear
  readonly norm3: Norm
}

/** Eq. 4 as the authors' program computes it: mutual attention after every encoder layer. */
export interface ReleasedFusion {
  readonly variant: 'released'
  readonly layers: readonly {
    /** q_proj and v1_proj of post, then those of situation, for the context states: [4d, d] */
    readonly context: Linear
    readonly post: MutualAttention
    readonly situation: MutualAttention
  }[]
}

/** Eq. 5–6. */
export interface StrategyWeights {
  /** The classification head's hidden layer, of the paper variant. */
  readonly dense: Linear | undefined
  readonly output: Linear
  /** weight, bias, running mean and running variance of the released variant: [4, m] */
  readonly batchNorm: Tensor | undefined
  /** [m or m + 1, d] */
  readonly codebook: Tensor
}

/** A MISC decoder layer: causal attention, cross-attention to four sources (eq. 7), feed-forward. */
export interface DecoderLayer {
  /** q_proj, k_proj, v_proj: [3d, d] */
  readonly queryKeyValue: Linear
  readonly output: Linear
  readonly norm: Norm
  /** The queries of context, post and situation: [3d, d] */
  readonly crossQuery: Linear
  /** The keys and values for context, post and situation: [2d, d] each */
  readonly crossKeyValue: readonly Linear[]
  /** The out_proj of context, post and situation side by side: [d, 3d]. Their biases are in `strategyOutput`'s. */
  readonly crossOutput: Tensor
  /** The strategy source has one key, so all of its attention is out_proj(v_proj(g)). */
  readonly strategyValue: Linear
  /** out_proj of the strategy source; its bias is the sum of all four sources' biases. */
  readonly strategyOutput: Linear
  readonly crossNorm: Norm
  readonly feedForward: FeedForward
}

/** All weights of a MISC model, on the GPU. */
export interface MiscWeights {
  readonly config: MiscConfig
  readonly variant: Variant
  /** [V, d]: embeds ids, and turns the last hidden state into logits. */
  readonly embedding: Tensor
  readonly encoder: { readonly positions: Tensor; readonly norm: Norm; readonly layers: readonly EncoderLayer[] }
  readonly fusion: PaperFusion | ReleasedFusion
  readonly strategy: StrategyWeights
  readonly decoder: { readonly positions: Tensor; readonly norm: Norm; readonly layers: readonly DecoderLayer[] }
  /** [V] */
  readonly logitsBias: Tensor
}

/** The sources that the decoder attends to through a cache, in the order of their stacked weights. */
export const sources = ['encoder_attn', 'encoder_attn_comet', 'encoder_attn_comet_st'] as const

/** Elements that are read at a time, about: most matrices of the base model fit, whole. */
const loadElements = 2 ** 20

/** Loads on their way at a time. Each takes host memory for itself, twice: as it is read, and as the GPU copies it. */
const loadsAtOnce = 3

/**
 * Reads a checked checkpoint into GPU tensors, stacking what is computed together. Tensors stream through host memory, a few
 * loads of some MiB at a time. On the way matrices are converted to the dtype that is asked for and laid out as the adapter
 * reads them fastest; vectors, positions and the codebook stay f32, and so does a matrix whose number
 * of columns is no multiple of 4.
 *
 * @param on `onProgress` is called with bytes read so far and in all, `onTensors` when the tensors are made and not yet filled.
 */
export async function loadWeights(
  gpu: Gpu,
  reader: TensorReader,
  { variant, used }: CheckedTensors,
  config: MiscConfig,
  dtype: WeightDtype,
  on: {
    readonly onProgress?: ((done: number, total: number) => void) | undefined
    readonly onTensors?: ((weights: MiscWeights) => void) | undefined
  } = {},
): Promise<MiscWeights> {
  const loader = new WeightLoader(gpu, reader, used, dtype)
  const weights = describeWeights(loader, config, variant)
  on.onTensors?.(weights)
  await loader.run(on.onProgress)
  return weights
}

/** The name table of model-spec §1–2, as stacked tensors. */
function describeWeights(load: WeightLoader, config: MiscConfig, variant: Variant): MiscWeights {
  const linear = (...names: string[]): Linear => ({
    weight: load.matrix(...names.map((name) => `${name}.weight`)),
    bias: load.stack(...names.map((name) => `${name}.bias`)),
  })
  const norm = (name: string): Norm => ({ weight: load.stack(`${name}.weight`), bias: load.stack(`${name}.bias`) })
  const feedForward = (layer: string): FeedForward => ({
    expand: linear(`${layer}.fc1`),
    contract: linear(`${layer}.fc2`),
    norm: norm(`${layer}.final_layer_norm`),
  })

  const encoderLayer = (i: number): EncoderLayer => {
    const layer = `model.encoder.layers.${i}`
    return {
      query: linear(`${layer}.self_attn.q_proj`),
      keyValue: linear(`${layer}.self_attn.k_proj`, `${layer}.self_attn.v_proj`),
      output: linear(`${layer}.self_attn.out_proj`),
      norm: norm(`${layer}.self_attn_layer_norm`),
      feedForward: feedForward(layer),
    }
  }

  const mutualAttention = (name: string): MutualAttention => ({
    key: linear(`${name}.k_proj`),
    value: linear(`${name}.v2_proj`),
    norm2: norm(`${name}.layerNorm_2`),
    feedForward: linear(`${name}.FN`),
    norm3: norm(`${name}.layerNorm_3`),
  })
  const releasedFusion = (i: number): ReleasedFusion['layers'][number] => {
    const [post, situation] = [`model.encoder.layers.${i}.muAttn`, `model.encoder.layers.${i}.muAttn_st`]
    return {
      context: linear(`${post}.q_proj`, `${post}.v1_proj`, `${situation}.q_proj`, `${situation}.v1_proj`),
      post: mutualAttention(post),
      situation: mutualAttention(situation),
    }
  }
  const fusion = (): PaperFusion | ReleasedFusion =>
    variant === 'released'
      ? { variant, layers: times(config.encoderLayers, releasedFusion) }
      : {
          variant: 'paper',
          post: norm('model.encoder.fusion_layer_norm_post'),
          situation: norm('model.encoder.fusion_layer_norm_situation'),
        }

  const strategy = (): StrategyWeights => {
    const head = 'model.encoder.strategy_head'
    const batchNorm = 'model.encoder.batchNorm_strategy'
    const codebook = load.stack('model.encoder.strategy_embedding.weight')
    if (variant !== 'released') {
      return { dense: linear(`${head}.dense`), output: linear(`${head}.out_proj`), batchNorm: undefined, codebook }
    }
    const statistics = ['weight', 'bias', 'running_mean', 'running_var'].map((it) => `${batchNorm}.${it}`)
    return { dense: undefined, output: linear(head), batchNorm: load.rows(...statistics), codebook }
  }

  const decoderLayer = (i: number): DecoderLayer => {
    const layer = `model.decoder.layers.${i}`
    const self = `${layer}.self_attn`
    const strategySource = `${layer}.encoder_attn_strategy`
    const outputs = [...sources.map((source) => `${layer}.${source}.out_proj`), `${strategySource}.out_proj`]
    return {
      queryKeyValue: linear(`${self}.q_proj`, `${self}.k_proj`, `${self}.v_proj`),
      output: linear(`${self}.out_proj`),
      norm: norm(`${layer}.self_attn_layer_norm`),
      crossQuery: linear(...sources.map((source) => `${layer}.${source}.q_proj`)),
      crossKeyValue: sources.map((source) => linear(`${layer}.${source}.k_proj`, `${layer}.${source}.v_proj`)),
      crossOutput: load.sideBySide(...outputs.slice(0, 3).map((name) => `${name}.weight`)),
      strategyValue: linear(`${strategySource}.v_proj`),
      strategyOutput: {
        weight: load.matrix(`${strategySource}.out_proj.weight`),
        bias: load.sum(...outputs.map((name) => `${name}.bias`)),
      },
      crossNorm: norm(`${layer}.encoder_attn_layer_norm`),
      feedForward: feedForward(layer),
    }
  }

  const side = <Layer>(name: 'encoder' | 'decoder', layers: Layer[]) => ({
    positions: load.stack(`model.${name}.embed_positions.weight`),
    norm: norm(`model.${name}.layernorm_embedding`),
    layers,
  })
  return {
    config,
    variant,
    embedding: load.matrix('model.shared.weight'),
    encoder: side('encoder', times(config.encoderLayers, encoderLayer)),
    fusion: fusion(),
    strategy: strategy(),
    decoder: side('decoder', times(config.decoderLayers, decoderLayer)),
    logitsBias: load.stack('final_logits_bias'),
  }
}

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

/** Elements of a tensor that are read, converted and copied together. */
interface Piece {
  readonly tensor: Tensor
  readonly start: number
  readonly elements: number
  /** Elements of room that they take in host memory. */
  readonly room: number
  /** Fills memory with their values. */
  readonly read: (values: Float32Array<ArrayBuffer>) => Promise<unknown>
}

/** Allocates tensors as they are described, and fills them when it runs. */
class WeightLoader {
  readonly #pieces: Piece[] = []

  constructor(
    readonly gpu: Gpu,
    readonly reader: TensorReader,
    readonly used: CheckedTensors['used'],
    /** Of matrices. */
    readonly dtype: WeightDtype,
  ) {}

  /** Matrices of one width, one under the other, in the dtype of matrices. */
  matrix(...names: string[]): Tensor {
    const parts = names.map((name) => this.#part(name))
    const rows = parts.reduce((sum, it) => sum + it.shape[0]!, 0)
    const columns = parts[0]!.shape[1]!
    return this.#fill(this.gpu.matrix(label(names), [rows, columns], this.#dtypeOf(columns)), names)
  }

  /** Tensors one under the other: rows add up, or elements of vectors. A lone row vector [1, n] becomes [n]. */
  stack(...names: string[]): Tensor {
    const parts = names.map((name) => this.#part(name))
    const [, ...rest] = parts[0]!.shape
    const shape = parts[0]!.shape[0] === 1 ? rest : [parts.reduce((rows, it) => rows + it.shape[0]!, 0), ...rest]
    return this.#fill(this.gpu.tensor(label(names), shape), names)
  }

  /** Vectors as the rows of a matrix. */
  rows(...names: string[]): Tensor {
    return this.#fill(this.gpu.tensor(label(names), [names.length, ...this.#part(names[0]!).shape]), names)
  }

  /** One after the other, whatever the shape they make. */
  #fill(tensor: Tensor, names: string[]): Tensor {
    let end = 0
    const parts = names.map((name) => {
      const { elements } = this.#part(name)
      end += elements
      return { name: this.#part(name).name, start: end - elements, end }
    })
    this.#cut(tensor, (start, values) =>
      parts
        .filter((part) => part.start < start + values.length && part.end > start)
        .map((part) => {
          const from = Math.max(part.start, start)
          const target = values.subarray(from - start, part.end - start)
          return this.reader.readF32Into(part.name, from - part.start, target)
        }),
    )
    return tensor
  }

  /** Matrices of the same number of rows, side by side. */
  sideBySide(...names: string[]): Tensor {
    const parts = names.map((name) => this.#part(name))
    const rows = parts[0]!.shape[0]!
    const width = parts.reduce((sum, it) => sum + it.shape[1]!, 0)
    const tensor = this.gpu.matrix(label(names), [rows, width], this.#dtypeOf(width))
    this.#cut(tensor, (start, values) => {
      let left = 0
      return parts.map(async ({ name, shape }) => {
        const columns = shape[1]!
        const column = left
        left += columns
        const part = new Float32Array((values.length / width) * columns)
        await this.reader.readF32Into(name, (start / width) * columns, part)
        for (let from = 0, to = column; from < part.length; from += columns, to += width) {
          values.set(part.subarray(from, from + columns), to)
        }
      })
    })
    return tensor
  }

  /** The elementwise sum of vectors. */
  sum(...names: string[]): Tensor {
    const parts = names.map((name) => this.#part(name))
    const tensor = this.gpu.tensor(label(names), parts[0]!.shape)
    this.#cut(tensor, (start, values) => {
      const add = async () => {
        values.fill(0)
        const part = new Float32Array(values.length)
        for (const { name } of parts) {
          await this.reader.readF32Into(name, start, part)
          for (let i = 0; i < part.length; i++) values[i]! += part[i]!
        }
      }
      return [add()]
    })
    return tensor
  }

  /** Cuts a tensor into pieces of whole rows, and groups of rows, where one is no longer than a piece. */
  #cut(tensor: Tensor, read: (start: number, values: Float32Array<ArrayBuffer>) => Promise<void>[]): void {
    const total = sizeOf(tensor.shape)
    const group = (total / (tensor.shape[0] ?? 1)) * (tensor.group ?? 1)
    const most = group * Math.max(1, Math.floor(loadElements / group))
    for (let start = 0; start < total; start += most) {
      const elements = Math.min(most, total - start)
      const room = roomFor(tensor, elements)
      this.#pieces.push({ tensor, start, elements, room, read: (values) => Promise.all(read(start, values)) })
    }
  }

  /**
   * Fills every tensor described so far, by a few loads at once: while one is read, another is converted and a third copied.
   */
  async run(onProgress?: (done: number, total: number) => void): Promise<void> {
    const largest = Math.max(loadElements, ...this.#pieces.map((it) => it.room))
    const total = this.#pieces.reduce((sum, it) => sum + it.elements * 4, 0)
    const loads = this.#loads(largest)
    let done = 0
    const work = async () => {
      const staging = new Staging(this.gpu, largest * 4)
      const memory = new Float32Array(largest)
      try {
        // A failure in here closes the generator, and so ends it for all.
        for (const pieces of loads) {
          let end = 0
          const uploads = pieces.map((piece) => {
            const at = end
            end += piece.room
            return { ...piece, values: memory.subarray(at, at + piece.elements) }
          })
          await Promise.all(uploads.map(({ read, values }) => read(values)))
          await staging.upload(uploads)
          done += pieces.reduce((sum, it) => sum + it.elements * 4, 0)
          onProgress?.(done, total)
        }
      } finally {
        staging.dispose()
      }
    }
    // When this throws, all have stopped: the files may be closed.
    for (const outcome of await Promise.allSettled(times(loadsAtOnce, work))) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
  }

  /** Pieces that lie together in a load. */
  *#loads(most: number): Generator<Piece[], void, void> {
    let [load, room]: [Piece[], number] = [[], 0]
    for (const piece of this.#pieces) {
      if (room + piece.room > most) {
        yield load
        load = []
        room = 0
      }
      load.push(piece)
      room += piece.room
    }
    if (load.length > 0) yield load
  }

  #part(name: string) {
    const info = this.used.get(name)
    if (!info) throw new Error(`${name} is not in the name table`)
    return { name: info.name, shape: info.shape, dtype: info.dtype, elements: sizeOf(info.shape) }
  }

  /** The dtype of a matrix with so many columns. */
  #dtypeOf(columns: number): WeightDtype {
    return columns % 4 === 0 ? this.dtype : 'f32'
  }
}

const label = (names: string[]): string => (names.length === 1 ? names[0]! : `${names[0]} + ${names.length - 1}`)
