import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { folderGeneration } from '../../src/generation/folder-generation.js'
import { refused } from '../throws.js'

const folder = suite('generation/folder-generation')

const task = 'summarization'
const cometGeneration = (config: unknown, generation: unknown) => folderGeneration(config, generation, 'f', { task })

/** What COMET-BART's config.json holds of this kind. */
const CONFIG = {
  ...{ model_type: 'bart', d_model: 1024, vocab_size: 50316, decoder_start_token_id: 2, eos_token_id: 2 },
  ...{ max_length: 20, num_beams: 4, no_repeat_ngram_size: 3, early_stopping: true, forced_eos_token_id: 2 },
  task_specific_params: {
    summarization: { prefix: 'sum: ', length_penalty: 1, max_length: 128, min_length: 12, num_beams: 5, new_option: 7 },
    summarization_cnn: { max_length: 142 },
  },
}

folder('the task goes over config.json, generation_config.json over both', () => {
  const tasked = {
    ...{ max_length: 128, num_beams: 5, no_repeat_ngram_size: 3, early_stopping: true, forced_eos_token_id: 2 },
    ...{ length_penalty: 1, min_length: 12, new_option: 7 },
  }
  assert.equal(cometGeneration(CONFIG, undefined).values, tasked)
  const generation = { max_length: 24, min_length: null, do_sample: false, pad_token_id: 1 }
  assert.equal(cometGeneration(CONFIG, generation).values, {
    ...tasked,
    max_length: 24,
    do_sample: false,
    pad_token_id: 1,
  })
})

folder('a folder with generation_config.json alone, or with nothing', () => {
  const bare = { model_type: 'bart', task_specific_params: null, max_length: null }
  assert.equal(cometGeneration(bare, { num_beams: 5 }).values, { num_beams: 5 })
  assert.equal(cometGeneration(bare, undefined).values, {})
  assert.equal(cometGeneration({ task_specific_params: { translation: { max_length: 9 } } }, undefined).values, {})
})

folder(
  'of what a program passes itself config.json has no say, generation_config.json has; a task counts where it is asked for',
  () => {
    const config = { ...CONFIG, do_sample: true }
    const { task_specific_params: _, ...kept } = config
    const passed = ['numBeams', 'maxLength', 'doSample'] as const
    const { early_stopping, no_repeat_ngram_size, forced_eos_token_id } = kept
    const own = { early_stopping, no_repeat_ngram_size, forced_eos_token_id }
    assert.equal(folderGeneration(config, undefined, 'f', { passed }).values, own)
    assert.equal(folderGeneration(config, { num_beams: 3 }, 'f', { passed }).values, { ...own, num_beams: 3 })
  },
)

folder('messages name the file that says something, or the folder where both do', () => {
  const source = (config: object, generation?: object) => folderGeneration(config, generation, 'f').source
  assert.is(source({ num_beams: 2 }), 'f/config.json')
  assert.is(source({ d_model: 2 }, { num_beams: 2 }), 'f/generation_config.json')
  assert.is(source({ num_beams: 2 }, { max_length: 9 }), 'f')
})

folder('what is no object is refused', async () => {
  const cases: [unknown, unknown, RegExp][] = [
    [[], undefined, /^f: config\.json must be a JSON object, got \[\]/],
    [{ task_specific_params: 5 }, undefined, /task_specific_params must be a JSON object, got 5/],
    [{ task_specific_params: { summarization: 'x' } }, undefined, /task_specific_params\.summarization must be/],
    [{}, 'x', /^f\/generation_config\.json must be a JSON object/],
  ]
  for (const [config, generation, pattern] of cases) await refused(() => cometGeneration(config, generation), pattern)
})

folder.run()
