import { type Command, InvalidArgumentError } from 'commander'
import { gpuCommand } from './gpu-command.js'
import { readSetting } from './run-settings.js'
import { limitOption, splitOption } from './split-option.js'
import { runValidate, stagedReplies } from './validate-run.js'

/** `misc validate`. */
export function validateCommand(): Command {
  return gpuCommand('validate', 'f32')
    .summary('compare every stage with a reference capture or another run, or a dtype with f32')
    .description(
      'With --reference: runs the inputs of reference files through MODEL and compares every stage that they hold, ' +
        'twice: the decoder in one pass, and id by id; and again from the reference’s own values of the stages before each, ' +
        'which tells the error that a stage has added from what came in. Exit code 1 where both are beyond its tolerance, or decoded ids ' +
        'differ though their scores leave no doubt. Needs no tokenizer files.\n\n' +
        'With --against: the same comparison with another run of MODEL, on another adapter, in another dtype or with other kernels, ' +
        `on the inputs of --reference, or of the first ${stagedReplies} replies of --data.\n\n` +
        'With --data: how much --dtype (f16 or int8), or what --against names, changes the probabilities of the replies there, ' +
        'of any MODEL that replies (a COMET does not), in the ids that its own program makes of the rows. ' +
        'Exit code 1 where a dtype changes perplexity and best next id against f32 by more than f16 (0.1 %, 0.5 % of the ids) or ' +
        'int8 (1 %, 3 %) may.\n\ndocs/validate.md says what each column means, and how to capture a model of your own.',
    )
    .argument('<MODEL>', 'a folder with config.json and model.safetensors or its sharded index')
    .option('--reference <file...>', 'safetensors files with inputs and expected outputs; may be repeated')
    .option(
      '--against <what...>',
      'what another run does otherwise: adapter=NAME, dtype=FORMAT, kernels=OP:VARIANT,… (misc bench lists them)',
      readSetting,
    )
    .option(
      '--tolerance <x>',
      'largest absolute error of logits and hidden stages (default: 2e-4 in f32); ' +
        'strategy.probs keeps 5e-5, a row of fusion.* takes sixteen times what float32 loses there, and all more where --dtype rounds the weights',
      readTolerance,
    )
    .option('--data <dir>', 'ESConv (ESConv.json or test.jsonl) or misc-esconv (testWithStrategy_short.tsv and blocks)')
    .addOption(splitOption().default('test'))
    .addOption(limitOption().default(200))
    .option('--ops', 'print how large the values are that each dispatch of the first case writes')
    .option(
      '--bisect',
      'where a stage is off, run its dispatches one by one, each beside float64, and the stage with each variant of their kernels',
    )
    .option(
      '--report <file.zip>',
      'write a report to attach: JSON, Markdown, a heat map, and where a dispatch is off a program that runs it again; with --bisect and --ops',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  misc validate model/ --reference case0.safetensors case1.safetensors' +
        '\n  misc validate model/ --reference captures/*.safetensors --tolerance 1e-3 --adapter swiftshader' +
        '\n  misc validate model/ --reference case0.safetensors --json | jq .first_failure' +
        '\n  misc validate model/ --reference case0.safetensors --against adapter=swiftshader' +
        '\n  misc validate model/ --reference case0.safetensors --against kernels=gemv:plain,attention:plain' +
        '\n  misc validate model/ --reference case0.safetensors --bisect --report report.zip' +
        '\n  misc validate model/ --dtype int8 --data esconv/' +
        '\n  misc validate model/ --dtype f16 --data esconv/ --limit 20 --against dtype=f32',
    )
    .action(runValidate)
}

function readTolerance(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a number above 0, as 2e-4.')
}
