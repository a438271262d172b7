/**
 * Draws docs/decode-step.svg from the recording of a decode step of misc-mini: `npm run draw`. A test records a step, too, and
 * compares the drawing.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openGpu } from '../src/platform/node/open-gpu.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'
import { type Bound, recordStep, type StepDispatch } from './record-step.js'

/** Where the drawing lies. */
export const drawing = fileURLToPath(new URL('../docs/decode-step.svg', import.meta.url))

const [rowHeight, top, boxLeft, boxWidth, writesLeft, width] = [34, 64, 412, 168, 652, 1000]

/** Fills by what a kernel does. */
const fills: readonly (readonly [RegExp, string])[] = [
  [/^gemv/, '#d7e6f7'],
  [/attention/, '#fbe3c8'],
  [/^(layer-norm|embed|copy)/, '#ececec'],
  [/./, '#dcefd8'],
]

/** A step as SVG: one layer of the decoder stands for all, which must be alike. @throws Error where they are not */
export function drawStep(all: readonly StepDispatch[]): string {
  const layers = Math.max(...all.map(({ layer = -1 }) => layer)) + 1
  const kernels = (layer: number) => all.filter((it) => it.layer === layer).map((it) => it.kernel)
  for (let layer = 1; layer < layers; layer++) {
    if (String(kernels(layer)) !== String(kernels(0))) throw new Error(`layer ${layer} is not as layer 0`)
  }
  const shown = [...all.entries()].filter(([, { layer = 0 }]) => layer === 0).map(([number]) => number)
  const rowOf = (number: number) => {
    const row = shown.indexOf(number)
    if (row >= 0) return row
    // Of a layer that is not shown: the same place in the one that is.
    const { layer } = all[number]!
    const place = [...all.keys()].filter((it) => all[it]!.layer === layer).indexOf(number)
    return shown.findIndex((it) => all[it]!.layer === 0) + place
  }
  const middle = (row: number) => top + row * rowHeight + rowHeight / 2
  const height = top + shown.length * rowHeight + 30
  const ofLayer = shown.flatMap((number, row) => (all[number]!.layer === 0 ? [row] : []))
  const [first, last] = [ofLayer[0]!, ofLayer.at(-1)!]
  const frame = `<rect x="8" y="${top + first * rowHeight - 2}" width="${width - 16}" height="${(last - first + 1) * rowHeight + 4}" rx="6" fill="none" stroke="#777" stroke-dasharray="5 4"/>`
  const rows = shown.flatMap((number, row) => drawRow(all[number]!, middle(row)))
  const arrows = shown.flatMap((number, row) =>
    all[number]!.after.map((from) => arrow(middle(rowOf(from)), middle(row))),
  )
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>A decode step of misc-mini: ${all.length} dispatches</title>`,
    '<defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="#444"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(
      width / 2,
      24,
      `A decode step of misc-mini, one reply: ${all.length} dispatches, the frame ${layers} times`,
      'middle',
      'bold',
    ),
    text(boxLeft - 12, 50, 'reads of weights, caches and rows', 'end', 'bold'),
    text(boxLeft + boxWidth / 2, 50, 'kernel', 'middle', 'bold'),
    text(writesLeft, 50, 'writes', 'start', 'bold'),
    frame,
    ...rows,
    ...arrows,
    text(
      width / 2,
      height - 10,
      'sample leaves the id, its position and the length where the next step’s embed reads them',
      'middle',
    ),
    '</svg>',
  ].join('\n')}\n`
}

function drawRow({ kernel, reads, updates, out }: StepDispatch, y: number): string[] {
  const fill = fills.find(([pattern]) => pattern.test(kernel))![1]
  return [
    `<rect x="${boxLeft}" y="${y - 11}" width="${boxWidth}" height="22" rx="4" fill="${fill}" stroke="#888"/>`,
    text(boxLeft + boxWidth / 2, y + 4, kernel, 'middle'),
    text(boxLeft - 12, y + 4, out.length > 0 && updates.length > 0 ? `updates ${named(updates)}` : named(reads), 'end'),
    text(writesLeft, y + 4, named(out.length > 0 ? out : updates), 'start'),
  ]
}

/** Matrices with their shapes; where there are any, vectors beside them go without saying. */
function named(tensors: readonly Bound[]): string {
  const main = tensors.filter(({ label, shape }) => shape.length > 1 && !label.startsWith('sampling.'))
  const shown = main.map(({ label, shape }) => `${shortened(label)} [${shape.join(', ')}]`)
  return [...new Set(shown.length > 0 ? shown : tensors.map(({ label }) => shortened(label)))].join(', ')
}

const shortened = (label: string) =>
  label
    .replace(/^(sampling\.|model\.(decoder\.)?(layers\.\d+\.)?)/, '')
    .replace(/\.(weight|bias)/, '')
    .replace(/ \+ (\d+)$/, ' and $1 more')

/** From a kernel to one that reads what it wrote: straight down to the next, around those between. */
function arrow(from: number, to: number): string {
  const path =
    to - from === rowHeight
      ? `M${boxLeft + boxWidth / 2} ${from + 11}V${to - 12}`
      : `M${boxLeft + boxWidth} ${from + 5}C${bulge(from, to)} ${from + 8} ${bulge(from, to)} ${to - 8} ${boxLeft + boxWidth + 1} ${to - 3}`
  return `<path d="${path}" fill="none" stroke="#444" marker-end="url(#tip)"/>`
}

const bulge = (from: number, to: number) => boxLeft + boxWidth + Math.min(70, 20 + Math.abs(to - from) / 6)

function text(x: number, y: number, words: string, anchor: string, weight?: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${weight ? ` font-weight="${weight}"` : ''}>${words}</text>`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const gpu = await openGpu()
  writeFileSync(drawing, drawStep(await recordStep(gpu, join(packagedModel()))))
  await gpu.dispose()
}
