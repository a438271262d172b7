/**
 * misc-webgpu in a program of your own.
 *
 * In this repository: `npx tsx examples/embed.ts [MODEL]`. Elsewhere, after `npm install misc-webgpu`: copy this file; run
 * it with tsx, or compile it first (TypeScript, esbuild): Node 20 reads neither `.ts` files nor `await using`.
 */
import { Misc } from 'misc-webgpu'

// A CommonJS bundle, an Electron app's for one, has no await outside of functions.
async function main(): Promise<void> {
  // Without a folder: the model that comes with the package. Everything is freed where this scope ends.
  await using misc = await Misc.load(process.argv[2])
  console.log(`on ${misc.adapter.name}`)

  const input = {
    dialogue: [
      { speaker: 'seeker', text: 'hi, i lost my job and i do not know how to tell my family' },
      { speaker: 'supporter', strategy: 'Question', text: 'I am sorry to hear that. How did it happen?' },
      { speaker: 'seeker', text: 'they closed our office. i feel so ashamed' },
    ],
    // What COMET infers of the last post, and of a situation, which takes part through such blocks alone. Left out, the COMET
    // beside the model writes them; the package has one for its own.
    blocks: {
      post: [{ relation: 'xReact', tail: 'ashamed' }],
      situation: [{ relation: 'xWant', tail: 'to find a job' }],
    },
  } satisfies Parameters<Misc['reply']>[0]

  // What the encoders say before a word is drawn.
  const { strategy } = await misc.encode(input)
  console.log(`likeliest strategy: ${strategy.predicted}`)

  // A whole reply. Calls made at once share the GPU, and each gets the reply that it would get alone.
  const [plain, question] = await Promise.all([
    misc.reply(input, { topP: 0.3, topK: 30, temperature: 0.7, seed: 1 }),
    misc.reply(input, { strategy: 'Question', seed: 1 }),
  ])
  console.log(`reply: ${plain.text}`)
  if (plain.crisis) console.log('Please talk to a person: findahelpline.com lists crisis lines by country.')
  console.log(`as a question: ${question.text}`)

  // Word by word. Leaving the loop stops the drawing, and so does an AbortSignal.
  process.stdout.write('streamed: ')
  for await (const { text } of misc.stream(input, { seed: 2, signal: AbortSignal.timeout(60_000) })) {
    process.stdout.write(text)
  }
  process.stdout.write('\n')
}

main()
