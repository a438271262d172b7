import { Command, InvalidArgumentError, Option } from 'commander'
import { WEIGHTS } from '../io/checkpoint.js'
import type { WeightFileDtype } from '../io/float-dtype.js'
import { type ConvertOptions, convert, isTokenizerFile, REPORT } from './convert-checkpoint.js'

const dtypes: Record<string, WeightFileDtype> = { f32: 'F32', f16: 'F16', bf16: 'BF16' }

/** What is said where no file tells what ids mean. */
const wanting = (family: string) =>
  family === 'listeners'
    ? 'no vocabulary was found: text needs the dataset_preproc.p of its training, see --vocabulary'
    : 'no tokenizer files were found: text needs them, see --tokenizer'

/** What is said where the vocabulary has strategies: no file tells whether training used them. */
const LEARNED =
  'taken for a model that was trained with the strategies in its vocabulary; of one that was not (as ESC_Blender_noStrategy), add --set strategies=false'

/** `misc convert`. */
export function convertCommand(): Command {
  return new Command('convert')
    .summary('make a model folder of a checkpoint of PyTorch, without Python')
    .description(
      'Makes OUT of CHECKPOINT: model.safetensors, config.json, the tokenizer files, and a report with checksums, ' +
        `${REPORT}. CHECKPOINT is read as data: no program in it is run. Tied copies are left out; OUT appears once it is whole.`,
    )
    .argument(
      '<CHECKPOINT>',
      'a file of torch.save (pytorch_model.bin, .pt) or of safetensors, an index of several, or the folder with one',
    )
    .argument('<OUT>', 'the model folder to write; missing or empty')
    .addOption(new Option('--dtype <dtype>', 'of the weights (default: as they are)').choices(Object.keys(dtypes)))
    .option('--config <file>', 'the config.json (default: the one beside CHECKPOINT, or what the tensors say)')
    .option('--set <key=value>', 'what config.json shall say, in JSON; may be repeated', readSetting)
    .option(
      '--tokenizer <dir>',
      'the folder of tokenizer files (default: that of CHECKPOINT); where it adds no tokens, and CHECKPOINT does, they are kept',
    )
    .option('--vocabulary <file>', 'the dataset_preproc.p of a Transformer, MoEL or MIME, for vocab.json')
    .option('--state-dict <name>', 'which dict of tensors to take, where CHECKPOINT holds several')
    .addHelpText(
      'after',
      '\nExamples:\n  misc convert checkpoint/ model/                   of a folder that save_pretrained wrote' +
        '\n  misc convert checkpoint/ model/ --dtype f16' +
        '\n  misc convert pytorch_model.bin model/ --config checkpoint-2130/ --tokenizer checkpoint-2130/' +
        '\n  misc convert epoch-3.pt model/ --tokenizer blenderbot_small/ --set model_type=blenderbot-small \\' +
        '\n    --set encoder_attention_heads=16 --set decoder_attention_heads=16 --set scale_embedding=true' +
        '\n  misc convert atomic_pretrained_model.pickle comet-2019/ --tokenizer openai-gpt/ --set n_head=12' +
        '\n  misc convert model_19999_37.5 moel/ --vocabulary dataset_preproc.p --set heads=2 --set topk=5',
    )
    .action(async (path: string, out: string, { dtype, ...options }: ConvertOptions & { dtype?: string }) => {
      const report = await convert(path, out, { ...options, ...(dtype && { dtype: dtypes[dtype]! }) })
      const kinds = Object.entries(report.dtypes).map(([kind, count]) => `${count} ${kind}`)
      const { bytes, sha256 } = report.result.find(({ file }) => file === WEIGHTS)!
      const words = [
        `${out}: ${report.model}, ${report.tensors} tensors (${kinds.join(', ')}), ` +
          `${(report.parameters / 1e6).toFixed(1)}M parameters`,
        `${WEIGHTS}: ${bytes} bytes, SHA-256 ${sha256}`,
        ...(report.family === 'joint' && options.set?.strategies === undefined ? [LEARNED] : []),
        ...(report.result.some(({ file }) => isTokenizerFile(file)) ? [] : [wanting(report.family)]),
      ]
      process.stderr.write(`${words.join('\n')}\n`)
    })
}

/** `key=value`: JSON, or else a string. */
function readSetting(text: string, earlier: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const [, key, value] = /^([A-Za-z]\w*)=(.+)$/s.exec(text) ?? []
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be as key=value.')
  return { ...earlier, [key]: parsed(value) }
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
