import {
  type Loaded,
  type ModuleSpec,
  matrix,
  norm,
  rowsFrom,
  stack,
  type TensorLayout,
  type TensorSpec,
  TensorTable,
  transposed,
} from '../../nn/layout.js'
import type { Activation } from '../../ops/matmul.js'
import type { GptConfig } from './config.js'

/** What a checkpoint holds. */
export type GptLayout = ReturnType<typeof gptLayout>

/** All weights of a GPT, on the GPU. */
export interface GptWeights extends Loaded<GptLayout['weights']> {
  readonly config: GptConfig
}

/** How a file names its tensors. */
export interface GptNames {
  /** What stands before each name: `transformer.`, as a rule. */
  readonly prefix: string
  /** Hugging Face's names; or those of the COMET-2019 program, which has ids and positions in one table. */
  readonly naming: 'hugging-face' | 'comet-2019'
  /** Whether queries, keys and values have a bias. A file may leave it out, in all layers: it is 0. */
  readonly queryBias: boolean
}

/** The names that a new file gets. */
export const usualNames: GptNames = { prefix: 'transformer.', naming: 'hugging-face', queryBias: true }

/** Tells by its tensors' names how a file names them. */
export function detectNames(tensors: ReadonlyMap<string, unknown>): GptNames {
  const names = [...tensors.keys()]
  const embedding = names.map((name) => /^((?:module\.)?(?:transformer\.)?)(tokens_)?embed\.weight$/.exec(name))
  const [, prefix, tokens] = embedding.find((it) => it !== null) ?? ['', usualNames.prefix, 'tokens_']
  const queryBias = names.some((name) => /\.c_attn\.b(ias)?$/.test(name))
  return { prefix: prefix!, naming: tokens ? 'hugging-face' : 'comet-2019', queryBias }
}

/** The checkpoint of an OpenAI GPT (model-spec §5). */
export function gptLayout(config: GptConfig, names: GptNames) {
  const { dModel: d, decoderFfn, decoderLayers } = config
  const { prefix, naming, queryBias } = names
  const [weight, bias, gain] = naming === 'comet-2019' ? ['w', 'b', 'g'] : ['weight', 'bias', 'weight']
  const table = new TensorTable()
  const { embedding, positions } = tables(table, config, names)

  /** A layer that the file holds as [in, out]. */
  const conv1d = (role: string, name: string, size: number, out: number) => ({
    /** [out, in] */
    weight: transposed(table.tensor(role, `${name}.${weight}`, size, out)),
    /** [out] */
    bias: stack(table.tensor(role, `${name}.${bias}`, out)),
  })
  const layerNorm = (role: string, name: string): ModuleSpec => ({
    weight: table.tensor(role, `${name}.${gain}`, d),
    bias: table.tensor(role, `${name}.${bias}`, d),
  })
  /** q | k | v: [3d, d] */
  const queryKeyValue = (name: string): { weight: TensorLayout; bias?: TensorLayout } =>
    queryBias
      ? conv1d('decoder-self', name, d, 3 * d)
      : { weight: transposed(table.tensor('decoder-self', `${name}.${weight}`, d, 3 * d)) }
  const layer = (_: unknown, i: number) => {
    const [attention, feedForward] = [`${prefix}h.${i}.attn`, `${prefix}h.${i}.mlp`]
    const [self, ffn] = ['decoder-self', 'decoder-ffn']
    return {
      queryKeyValue: queryKeyValue(`${attention}.c_attn`),
      output: conv1d(self, `${attention}.c_proj`, d, d),
      norm: norm(layerNorm(self, `${prefix}h.${i}.ln_1`)),
      feedForward: {
        expand: conv1d(ffn, `${feedForward}.c_fc`, d, decoderFfn),
        activation: 'gelu-tanh' as Activation,
        contract: conv1d(ffn, `${feedForward}.c_proj`, decoderFfn, d),
        norm: norm(layerNorm(ffn, `${prefix}h.${i}.ln_2`)),
      },
    }
  }
  const layers = Array.from({ length: decoderLayers }, layer)
  return { tensors: table.tensors, weights: { embedding, decoder: { positions, layers } } }
}

/** The ids' embedding, tied to the logits, and the positions: two tables, or the rows of one. */
function tables(table: TensorTable, config: GptConfig, { prefix, naming }: GptNames) {
  const { dModel: d, vocabSize, maxPositions } = config
  const head = `${prefix.replace('transformer.', '')}lm_head`
  const tied = (name: string, rows: number, copy: string): TensorSpec =>
    table.add({ name: `${prefix}${name}.weight`, shape: [rows, d], role: 'embedding', copies: [`${head}.${copy}`] })
  if (naming === 'hugging-face') {
    const embedding = matrix(tied('tokens_embed', vocabSize, 'weight'))
    return {
      embedding,
      positions: stack(table.tensor('embedding', `${prefix}positions_embed.weight`, maxPositions, d)),
    }
  }
  // Position p is row V + p; such a row is no id, so no logit is made of it.
  const both = tied('embed', vocabSize + maxPositions, 'decoder.weight')
  return { embedding: matrix(rowsFrom(both, 0, vocabSize)), positions: stack(rowsFrom(both, vocabSize, maxPositions)) }
}
