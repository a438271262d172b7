import type { Command } from 'commander'
import { InputError } from '../errors.js'
import { addExplainDataOptions, EXPLAIN_DATA_EXAMPLES, type ExplainDataFlags, explainData } from './explain-data.js'
import { gpuCommand } from './gpu-command.js'

/** `misc explain`. */
export function explainCommand(): Command {
  const command = gpuCommand('explain', 'f32')
    .summary('draw what a model did')
    .description('Draws the strategies that models predict for a whole split of a data set.')
    .argument(
      '[MODEL]',
      'a folder with config.json, weights and tokenizer files, or a file of predictions; default: the packaged model',
    )
  return addExplainDataOptions(command)
    .option('--out <file>', 'the page, as one HTML file')
    .option('--json', 'print every number drawn as one JSON document')
    .addHelpText('after', EXPLAIN_DATA_EXAMPLES)
    .action(async (model: string | undefined, flags: Omit<ExplainDataFlags, 'data'> & { data?: string }) => {
      const { data } = flags
      if (data === undefined) throw new InputError('nothing to explain: give --data <dir>')
      await explainData(model, { ...flags, data })
    })
}
