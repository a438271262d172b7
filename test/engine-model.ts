/** A tiny MISC model with the packaged tokenizer, for tests of what users call: from text to text. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { synthesize } from '../src/cli/synth.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'
import { Tokenizer } from '../src/text/tokenizer.js'
import { tempFolder } from './temp.js'

/** Longest context and reply of the tiny model, in ids. */
export const MAX_POSITIONS = 48

/** config.json of the tiny model, but for its vocabulary. */
export const tinyConfig = {
  model_type: 'misc',
  misc_variant: 'paper',
  d_model: 32,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_attention_heads: 2,
  decoder_attention_heads: 2,
  encoder_ffn_dim: 64,
  decoder_ffn_dim: 64,
  max_position_embeddings: MAX_POSITIONS,
  synthetic_seed: 1,
}

const models = new Map<string, Promise<string>>()

/** The folder of a complete tiny model with synthetic weights; made once per run, removed at its end. */
export function tinyModel(maxPositions = MAX_POSITIONS, variant: 'paper' | 'released' = 'paper'): Promise<string> {
  const key = `${variant} ${maxPositions}`
  const model = models.get(key) ?? makeModel(maxPositions, variant)
  models.set(key, model)
  return model
}

async function makeModel(maxPositions: number, variant: string): Promise<string> {
  const folder = tempFolder()
  for (const file of ['vocab.json', 'merges.txt']) copyFileSync(join(packagedModel(), file), join(folder, file))
  const { vocabSize } = await Tokenizer.load(folder)
  const config = { ...tinyConfig, misc_variant: variant, vocab_size: vocabSize, max_position_embeddings: maxPositions }
  const file = join(tempFolder(), 'config.json')
  writeFileSync(file, JSON.stringify(config))
  await synthesize(file, folder)
  return folder
}

/** A dialogue of one utterance. */
export function saying(text: string) {
  return { dialogue: [{ speaker: 'seeker' as const, text }] }
}
