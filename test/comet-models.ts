/** Small COMETs of all three kinds, with synthetic weights and whole tokenizers. */
import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { synthesize } from '../src/cli/synth.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'
import { RELATIONS } from '../src/text/strategies.js'
import { tinyConfig } from './engine-model.js'
import { filesFolder } from './files-folder.js'
import { goldenModel } from './golden.js'
import { changedGpt, rawNames } from './models/gpt/raw-names.js'
import { tempFolder } from './temp.js'
import { GPT_MERGES, GPT_TOKENS } from './text/gpt-files.js'

/** A folder with more files: text as it is, anything else as JSON; undefined leaves one out. */
function withFiles(folder: string, files: Record<string, unknown>): string {
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    if (content !== undefined) writeFileSync(join(folder, name), text)
  }
  return folder
}

/** A model of comet-mini's layout and vocabulary, narrow and shallow. */
export async function tinyComet(config: Record<string, unknown> = {}): Promise<string> {
  const { misc_variant: _, ...dimensions } = tinyConfig
  const all = { ...dimensions, model_type: 'bart', vocab_size: 5773, decoder_start_token_id: 2, eos_token_id: 2 }
  const folder = tempFolder()
  for (const file of ['vocab.json', 'merges.txt']) copyFileSync(join(packagedModel(), file), join(folder, file))
  await synthesize(join(filesFolder({ 'config.json': { ...all, ...config } }), 'config.json'), folder)
  return folder
}

/** The character that byte-level BPE writes for each byte. */
const byteCharacters: readonly string[] = (() => {
  const shown = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  let hidden = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(shown(byte) ? byte : 256 + hidden++))
})()

/** Ids of bart-tiny's vocabulary: four specials, the bytes, and what its files add. */
export const BART_IDS = { start: 0, end: 2, byte: 4, xReact: 268, gen: 270, vocabulary: 310 }

/**
 * COMET-BART, but for its size: the weights of the golden bart-tiny, and a byte-level tokenizer without merges. The relations
 * have the ids from 261 on.
 */
export async function cometBart(
  gen: boolean,
  config: Record<string, unknown> = {},
  files: Record<string, unknown> = {},
): Promise<string> {
  const golden = await goldenModel('bart-tiny')
  const folder = tempFolder()
  cpSync(golden, folder, { recursive: true })
  const tokens = ['<s>', '<pad>', '</s>', '<unk>', ...byteCharacters]
  const sorted = [...RELATIONS].sort()
  const added = [...sorted.slice(0, 3), 'HinderedBy', ...sorted.slice(3), ...(gen ? ['[GEN]'] : [])]
  const dimensions = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
  return withFiles(folder, {
    'config.json': { ...dimensions, ...config },
    'vocab.json': Object.fromEntries(tokens.map((token, id) => [token, id])),
    'merges.txt': '#version: 0.2\n',
    'added_tokens.json': Object.fromEntries(added.map((token, i) => [token, 260 + i])),
    ...files,
  })
}

/** Dimensions of {@link comet2019}. */
export const GPT_SIZES = { n_embd: 32, n_head: 2, n_layer: 2, n_positions: 52 }

/** A folder with the weights of {@link comet2019} by Hugging Face's names: for its twin. */
export async function hubNames(vocabSize = 26): Promise<string> {
  const config = { model_type: 'openai-gpt', ...GPT_SIZES, vocab_size: vocabSize, synthetic_seed: 5 }
  const folder = tempFolder()
  await synthesize(join(filesFolder({ 'config.json': config }), 'config.json'), folder)
  return folder
}

/** COMET-2019, but for its size: the names of the released program, 14 pieces of words and its 12 tokens. */
export async function comet2019(from: string, files: Record<string, unknown> = {}): Promise<string> {
  const folder = await changedGpt(from, (tensors) => rawNames(tensors, 'module.'))
  return withFiles(folder, {
    'encoder_bpe_40000.json': Object.fromEntries(GPT_TOKENS.map((token, id) => [token, id])),
    'vocab_40000.bpe': GPT_MERGES,
    ...files,
  })
}
