/** The cases of golden/sampling: logits and history, then processed scores and final probabilities by transformers 4.2. */
import { fileURLToPath } from 'node:url'
import type { ProcessorOptions } from '../../src/generation/processors.js'
import { type TokenRules, tokenRules } from '../../src/generation/token-rules.js'
import { openSafetensors } from '../../src/io/safetensors.js'

export interface SamplingCase {
  readonly name: string
  readonly logits: Float32Array
  readonly history: readonly number[]
  readonly processed: Float32Array
  readonly probs: Float32Array
  readonly options: ProcessorOptions & {
    readonly temperature: number
    readonly topK: number
    readonly topP: number
  }
  readonly rules: TokenRules
}

const path = fileURLToPath(new URL('../fixtures/golden/sampling/sampling.safetensors', import.meta.url))

/** Reads every case. */
export async function samplingCases(): Promise<SamplingCase[]> {
  await using file = await openSafetensors(path)
  const cases: SamplingCase[] = []
  for (const [key, text] of file.metadata) {
    const name = key.replace('.params', '')
    const params = JSON.parse(text)
    const logits = await file.readF32(`${name}.logits`)
    cases.push({
      name,
      logits,
      history: await file.readI64(`${name}.history`),
      processed: await file.readF32(`${name}.processed`),
      probs: await file.readF32(`${name}.probs`),
      options: {
        temperature: params.temperature,
        topK: params.top_k,
        topP: params.top_p,
        repetitionPenalty: params.repetition_penalty,
        noRepeatNgramSize: params.no_repeat_ngram_size,
        minLength: params.min_length,
        maxLength: 2000,
      },
      rules: tokenRules({ vocabSize: logits.length, eosIds: [params.eos_token_id], padId: 0, decoderStartId: 1 }),
    })
  }
  return cases
}
