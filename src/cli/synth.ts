import { mkdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Command } from 'commander'
import { InputError } from '../errors.js'
import { elementCount } from '../io/dtype.js'
import { modelFolder } from '../io/model-folder.js'
import { type TensorSource, writeSafetensors } from '../io/safetensors-writer.js'
import { syntheticChunks } from '../io/synthetic.js'
import { readFault, readJsonFile } from '../io/text-file.js'
import { writeWholeFile } from '../io/whole-file.js'
import { describeModel } from '../models/registry.js'
import { TIED_COPIES } from '../nn/layout.js'
import { quote } from '../quote.js'
import { progressBar } from './progress.js'

/** How {@link synthesize} behaves. */
export interface SynthOptions {
  /** Replaces weights that lie in the folder already. Default: they are an error. */
  force?: boolean
}

/**
 * Writes a model folder with synthetic weights: the config as it is, and a model.safetensors of F32 tensors without
 * tied copies. Names and shapes come from a tensors.json beside the config where there is one, else from the config
 * (`misc_variant`, default `paper` for `model_type` misc). The seed is the config's `synthetic_seed`, default 0.
 *
 * @param config path of a config.json, or of the folder that holds one
 * @param out the folder to write; made when missing
 * @returns the number of tensors and of parameters written
 * @throws InputError when the config or tensors.json is bad, or `out` holds weights already
 */
export async function synthesize(
  config: string,
  out: string,
  { force = false }: SynthOptions = {},
): Promise<{ tensors: number; parameters: number }> {
  const file = (await isFolder(config)) ? join(await modelFolder(config), 'config.json') : config
  const json = await readJsonFile(file)
  const seed = configSeed(json, file)
  const shapes = (await tensorsJson(join(dirname(file), 'tensors.json'))) ?? configShapes(json, file)

  const configText = await readFile(file)
  const weights = join(out, 'model.safetensors')
  const target = join(out, 'config.json')
  if (!force) {
    const otherConfig = (await exists(target)) && !configText.equals(await readFile(target))
    const taken = otherConfig ? target : (await exists(weights)) ? weights : undefined
    if (taken) throw new InputError(`${taken}: is there already; choose another folder, or --force to replace it`)
  }
  const parameters = [...shapes.values()].reduce((sum, shape) => sum + elementCount(shape), 0)
  using progress = progressBar(`writing ${weights}`, parameters * 4, 'bytes')
  const tensors = [...shapes].map(([name, shape]): TensorSource => {
    function* data() {
      for (const chunk of syntheticChunks(name, shape, seed)) {
        yield chunk
        progress.advance(chunk.byteLength)
      }
    }
    return { name, dtype: 'F32', shape, data }
  })
  await mkdir(out, { recursive: true }).catch((error: Error) => {
    throw new InputError(`${out}: cannot be made (${error.message}); choose another folder`)
  })
  await writeSafetensors(weights, tensors, { format: 'pt' })
  await writeWholeFile(target, (to) => to.writeFile(configText))
  return { tensors: tensors.length, parameters }
}

/** `misc synth`. */
export function synthCommand(): Command {
  return new Command('synth')
    .summary('write a model folder with synthetic weights')
    .description(
      'Writes OUT/config.json and OUT/model.safetensors with synthetic weights, the same on every machine: for tests ' +
        'and timings, not for talking to. Names and shapes come from tensors.json beside CONFIG where there is one, ' +
        'else from CONFIG. The seed is its synthetic_seed.',
    )
    .argument('<CONFIG>', 'a config.json, or a folder that holds one')
    .argument('<OUT>', 'the model folder to write; made when missing')
    .option('--force', 'replace weights that are in OUT already')
    .addHelpText('after', '\nExamples:\n  misc synth config.json /tmp/model\n  misc inspect /tmp/model')
    .action(async (config: string, out: string, options: SynthOptions) => {
      const { tensors, parameters } = await synthesize(config, out, options)
      process.stderr.write(`${basename(out)}: ${tensors} tensors, ${(parameters / 1e6).toFixed(1)}M parameters, F32\n`)
    })
}

function configSeed(json: unknown, file: string): number {
  const seed = (json as { synthetic_seed?: unknown } | null)?.synthetic_seed ?? 0
  if (Number.isSafeInteger(seed) && (seed as number) >= 0) return seed as number
  throw new InputError(`${file}: synthetic_seed is ${quote(seed)}, but must be a whole number from 0 on`)
}

function configShapes(json: unknown, file: string): Map<string, readonly number[]> {
  const { tensors } = describeModel(json, file).layout
  return new Map(tensors.map(({ name, shape }) => [name, shape]))
}

/** Shapes by name from a tensors.json, tied copies left out; undefined when there is no such file. */
async function tensorsJson(file: string): Promise<Map<string, readonly number[]> | undefined> {
  if (!(await exists(file))) return undefined
  const json = await readJsonFile(file)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError(
      `${file}: is not an object of shapes by tensor name; correct it, or remove it to use the config`,
    )
  }
  const shapes = Object.entries(json).filter(([name]) => !(TIED_COPIES as readonly string[]).includes(name))
  for (const [name, shape] of shapes) {
    const sizes = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0)
    if (sizes && elementCount(shape) * 4 <= Number.MAX_SAFE_INTEGER) continue
    throw new InputError(`${file}: tensor ${quote(name)} has no shape of whole numbers from 0 on; correct it`)
  }
  return new Map(shapes)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw new InputError(`${path}: ${readFault(error)}`)
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
