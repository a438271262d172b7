import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InputError } from '../errors.js'
import { WEIGHTS } from '../io/checkpoint.js'
import { sha256 } from '../io/checksums.js'
import { readDatasetVocabulary } from '../io/dataset-vocabulary.js'
import { type Dtype, elementCount } from '../io/dtype.js'
import { convertFloats, type FloatDtype, floatDtypes, type WeightFileDtype } from '../io/float-dtype.js'
import { modelFolder, statIfThere } from '../io/model-folder.js'
import { type TensorSource, writeSafetensors } from '../io/safetensors-writer.js'
import { readTextFile } from '../io/text-file.js'
import { openWeights, type SourceTensor, sameValues } from '../io/weight-source.js'
import { writeWholeFile } from '../io/whole-file.js'
import { checkEmptyFolder, writeWholeFolder } from '../io/whole-folder.js'
import type { RecognizedModel } from '../models/registry.js'
import { packageVersion } from '../platform/node/packaged.js'
import { quote } from '../quote.js'
import type { NamedToken } from '../text/added-tokens.js'
import { namedTokens } from '../text/vocabulary.js'
import { type Progress, progressBar } from './progress.js'
import { readConfigFile, recognizeWeights, type Settings, type SourceTensors } from './recognize-weights.js'

const GENERATION_CONFIG = 'generation_config.json'
const VOCABULARY = 'vocab.json'
/** Those that name the tokens that training added. */
const ADDED_TOKENS_FILES = ['tokenizer_config.json', 'added_tokens.json', 'special_tokens_map.json']
const TOKENIZER_FILES = [
  ...[VOCABULARY, 'merges.txt', 'encoder_bpe_40000.json', 'vocab_40000.bpe', 'tokenizer.json'],
  ...ADDED_TOKENS_FILES,
]

/** The files that say what ids mean, by the names that tokenizers look for. */
export const isTokenizerFile = (name: string): boolean => TOKENIZER_FILES.includes(name)

/** What the report is called. */
export const REPORT = 'conversion.json'

/** How {@link convert} behaves. */
export interface ConvertOptions {
  /** Of the weights; F64 becomes F32 in any case. Default: as they are. */
  dtype?: WeightFileDtype
  /** A config.json, or the folder that holds one. Default: the one beside the checkpoint, or what the tensors say. */
  config?: string
  /** What config.json says in place of, or beside, what it would. */
  set?: Settings
  /** The folder of tokenizer files. Default: the checkpoint's. */
  tokenizer?: string
  /** The dataset_preproc.p of a Transformer, MoEL or MIME: its words become vocab.json. */
  vocabulary?: string
  /** Which dict of a file of torch.save, where it holds several. */
  stateDict?: string
}

/** A file, as conversion.json lists it. */
interface FileRecord {
  file: string
  bytes: number
  sha256: string
}

/** What conversion.json holds. */
export interface Conversion {
  converter: string
  family: string
  variant: string
  /** What it is, in words: `BlenderBot-Joint, of the program codes`. */
  model: string
  source: FileRecord[]
  result: FileRecord[]
  tensors: number
  parameters: number
  /** Tensors by dtype and what it became, as `F64 → F32`. */
  dtypes: Record<string, number>
  /** Copies of a tensor that is written, which are left out, by the name of that tensor. */
  tied: Record<string, string>
  /** What all names began with and begin with no longer. */
  prefix: string
  /** What lay beside the tensors in the checkpoint and is left out. */
  ignored: readonly string[]
}

/**
 * Makes a model folder of a checkpoint: model.safetensors, config.json, the tokenizer's files and a report, conversion.json.
 * The folder appears once it is whole. Weights stream through memory.
 *
 * @param path a file of torch.save or of safetensors, an index of several, or a folder with one of them
 * @param out the folder to write; missing or empty
 * @throws InputError when a file is damaged or refused, the tensors are no model's that is known or do not fit its config, or
 *   something has to be said that the files do not say
 */
export async function convert(path: string, out: string, options: ConvertOptions = {}): Promise<Conversion> {
  await checkEmptyFolder(out)
  await using weights = await openWeights(path, options.stateDict)
  const folder = (await statIfThere(path))?.isDirectory() ? await modelFolder(path) : dirname(path)
  const configFile = await readConfigFile(options.config, folder)
  const tokenizer = await tokenizerFiles(folder, options.tokenizer)
  const { set = {} } = options
  const { model, tensors, prefix, config } = recognizeWeights(weights.tensors, configFile, set, path, tokenizer.added)
  const tied = await tiedCopies(model, tensors, path)
  const files = new Map([
    ...(await textFiles(folder, [GENERATION_CONFIG])),
    ...tokenizer.files,
    ...(await vocabularyFile(model, options.vocabulary)),
    ['config.json', config],
  ])

  const readFiles = [...weights.files, ...(options.vocabulary === undefined ? [] : [options.vocabulary])]
  const sizes = await Promise.all(readFiles.map(async (file) => (await stat(file)).size))
  const written = [...tensors.values()].filter(({ name }) => !tied.has(name))
  const plan = planned(written, model, options.dtype)
  using progress = progressBar(
    `converting ${path}`,
    total(sizes) + total(sizes.slice(0, weights.files.length)),
    'bytes',
  )
  const source = await records(readFiles, progress)
  let report: Conversion | undefined
  await writeWholeFolder(out, async (temporary) => {
    await writeSafetensors(
      join(temporary, WEIGHTS),
      plan.map((it) => converted(it, progress, path)),
      { format: 'pt' },
    )
    for (const [name, text] of files) await writeWholeFile(join(temporary, name), (file) => file.writeFile(text))
    const result = await records([...files.keys(), WEIGHTS].sort().map((name) => join(temporary, name)))
    report = {
      converter: `misc-webgpu ${packageVersion}`,
      family: model.family,
      variant: model.variant,
      model: model.title,
      source,
      result,
      tensors: written.length,
      parameters: total(written.map(({ shape }) => elementCount(shape))),
      dtypes: dtypeCounts(plan),
      tied: Object.fromEntries(tied),
      prefix,
      ignored: weights.ignored,
    }
    const text = `${JSON.stringify(report, null, 2)}\n`
    await writeWholeFile(join(temporary, REPORT), (file) => file.writeFile(text))
  })
  return report!
}

/** A tensor, and the dtype to write it in. */
type Planned = { readonly tensor: SourceTensor; readonly dtype: Dtype }

/** Tensors that the model does not use stay as they are. */
function planned(tensors: readonly SourceTensor[], model: RecognizedModel, wanted?: WeightFileDtype): Planned[] {
  const used = new Set([...model.tensors.used.values()].map(({ name }) => name))
  return tensors.map((tensor) => {
    const { name, dtype } = tensor
    const target = used.has(name) && isFloat(dtype) ? (wanted ?? (dtype === 'F64' ? 'F32' : dtype)) : dtype
    return { tensor, dtype: target }
  })
}

const isFloat = (dtype: string): dtype is FloatDtype => (floatDtypes as readonly string[]).includes(dtype)

/** The copies among the tensors, by name, each with the one that it is a copy of. */
async function tiedCopies({ tensors: { tied, used }, layout }: RecognizedModel, tensors: SourceTensors, path: string) {
  const copies = new Map<string, string>()
  for (const { name } of tied) {
    const original = used.get(layout.tensors.find(({ copies }) => copies?.includes(name))!.name)!.name
    if (!(await sameValues(tensors.get(name)!, tensors.get(original)!))) {
      throw new InputError(
        `${path}: ${name} differs from ${original}, but such a model uses one for both; it is of a kind that is not known`,
      )
    }
    copies.set(name, original)
  }
  return copies
}

function converted({ tensor, dtype }: Planned, progress: Progress, path: string): TensorSource {
  const { name, shape, dtype: from } = tensor
  async function* data() {
    for await (const chunk of tensor.chunks()) {
      try {
        yield from === dtype ? chunk : convertFloats(chunk, from as FloatDtype, dtype as WeightFileDtype)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        throw new InputError(`${path}: tensor ${quote(name)}: ${error.message}; choose another --dtype`)
      }
      progress.advance(chunk.length)
    }
  }
  return { name, dtype, shape, data }
}

/** The files of a tokenizer, by name, and the tokens that they add. */
interface TokenizerFiles {
  readonly files: ReadonlyMap<string, string>
  readonly added: readonly NamedToken[]
}

/**
 * Those of a folder that is given, or as many as lie beside the checkpoint. Where the folder's name no added tokens, as those of
 * the model that training began with do not, and the checkpoint's do, what names them is taken from there.
 */
async function tokenizerFiles(beside: string, given?: string): Promise<TokenizerFiles> {
  const own = async (folder: string) => ({
    files: await textFiles(folder, TOKENIZER_FILES),
    added: await namedTokens(folder),
  })
  if (given === undefined) return own(beside)
  const found = await own(await modelFolder(given))
  if (found.files.size === 0) {
    throw new InputError(`${given}: holds no tokenizer files; they are called ${TOKENIZER_FILES.join(', ')}`)
  }
  if (found.added.length > 0) return found
  const added = await namedTokens(beside)
  if (added.length === 0) return found
  return { files: new Map([...found.files, ...(await textFiles(beside, ADDED_TOKENS_FILES))]), added }
}

/** vocab.json with the words of a dataset_preproc.p, where that is given. */
async function vocabularyFile({ family, title, config }: RecognizedModel, path?: string): Promise<Map<string, string>> {
  if (path === undefined) return new Map()
  if (family !== 'listeners') {
    throw new InputError(`${path}: is for a Transformer, MoEL or MIME, and CHECKPOINT holds ${title}: see --tokenizer`)
  }
  const words = await readDatasetVocabulary(path)
  if (words.length !== config.vocabSize) {
    throw new InputError(
      `${path}: has ${words.length} words, but the model's embedding has ${config.vocabSize} rows; take both from one training`,
    )
  }
  const ids = Object.fromEntries(words.map((word, id) => [word, id]))
  return new Map([[VOCABULARY, `${JSON.stringify(ids)}\n`]])
}

/** Those of some files that are there, by name. */
async function textFiles(folder: string, names: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const name of names) {
    const path = join(folder, name)
    if (await statIfThere(path)) files.set(name, await readTextFile(path))
  }
  return files
}

async function records(paths: readonly string[], progress?: Progress): Promise<FileRecord[]> {
  const list: FileRecord[] = []
  for (const path of paths) {
    const digest = await sha256(path, (count) => progress?.advance(count))
    list.push({ file: basename(path), bytes: (await stat(path)).size, sha256: digest })
  }
  return list
}

function dtypeCounts(plan: readonly Planned[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { tensor, dtype } of plan) {
    const key = tensor.dtype === dtype ? dtype : `${tensor.dtype} → ${dtype}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

const total = (numbers: readonly number[]) => numbers.reduce((sum, it) => sum + it, 0)
