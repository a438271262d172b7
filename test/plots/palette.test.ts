import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PALETTE } from '../../src/plots/palette.js'

const palette = suite('plots/palette')

/** What a colour is to somebody without one kind of cones: Viénot, Brettel and Mollon 1999, on linear RGB. */
const views: Readonly<Record<string, readonly (readonly number[])[]>> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'without red cones': [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1],
  ],
  'without green cones': [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1],
  ],
}

const linear = (colour: string): number[] =>
  [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })

/** L, a and b of Oklab: differences in it are those that people see. */
function oklab([r, g, b]: readonly number[]): number[] {
  const cones = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ].map((row) => Math.cbrt(row[0]! * r! + row[1]! * g! + row[2]! * b!))
  return [
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ].map((row) => row.reduce((sum, it, i) => sum + it * cones[i]!, 0))
}

for (const [name, view] of Object.entries(views)) {
  palette(`all colours differ, ${name}`, () => {
    const seen = PALETTE.map((colour) => {
      const rgb = linear(colour)
      return oklab(view.map((row) => row.reduce((sum, it, i) => sum + it * rgb[i]!, 0)))
    })
    for (const [i, one] of seen.entries()) {
      for (const [j, other] of seen.slice(0, i).entries()) {
        const distance = Math.hypot(...one.map((it, k) => it - other[k]!))
        assert.ok(distance > 0.05, `${PALETTE[i]} and ${PALETTE[j]}: ${distance}`)
      }
    }
  })
}

palette.run()
