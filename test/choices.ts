import type { Gpu } from '../src/gpu/gpu.js'
import type { Choices } from '../src/ops/choices.js'
import { seededRandom } from './gpu.js'

/** Choices at random, slots in another order than sequences, some of share 0; and what they say of a row's place. */
export function randomChoices(
  gpu: Gpu,
  { sequences, newRows, places, layers }: { sequences: number; newRows: number; places: number; layers: number },
): { choices: Choices; of(row: number, place: number): { layer: number; share: number } } {
  const random = seededRandom(sequences + places)
  const slots = Array.from({ length: sequences }, (_, s) => sequences - s)
  const table = Array.from({ length: (sequences + 1) * places }, () => ({
    layer: Math.floor(random() * layers),
    share: places > 1 && random() < 0.3 ? 0 : Math.fround(random()),
  }))
  const words = new Uint32Array(2 * table.length)
  const shares = new Float32Array(words.buffer)
  table.forEach(({ layer, share }, i) => {
    words[2 * i] = layer
    shares[2 * i + 1] = share
  })
  const choices = {
    table: gpu.tensorFrom('choices', [sequences + 1, places, 2], words),
    slots: gpu.tensorFrom('slots', [sequences], Uint32Array.from(slots)),
    newRows,
  }
  return { choices, of: (row, place) => table[slots[Math.floor(row / newRows)]! * places + place]! }
}
