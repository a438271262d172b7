import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stagesOf } from '../../src/explain/corpus-stages.js'
import type { EsconvRow } from '../../src/text/esconv-row.js'

const stages = suite('explain/corpus-stages')
const rowsAt = (places: readonly EsconvRow['place'][]) => places.map((place) => ({ place }) as EsconvRow)

stages('fifths of a conversation, and its last turn alone', () => {
  const turns = [1, 2, 3, 4, 5, 6, 9, 10]
  const { by, labels, ofRows } = stagesOf(rowsAt(turns.map((turn) => ({ turn, of: 10 }))))
  assert.is(by, 'progress')
  assert.is(labels.length, 6)
  assert.equal(ofRows, [0, 1, 1, 2, 2, 3, 4, 5])
})

stages('by turns where the data does not say how long conversations are: like sizes, each turn in one stage', () => {
  const turns = [1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 60]
  const { by, labels, ofRows } = stagesOf(rowsAt(turns.map((turn) => ({ turn, of: null }))))
  assert.is(by, 'turn')
  assert.equal(labels, ['1', '2', '3–4', '5–6', '7–8', '9–60'])
  assert.equal(ofRows, [0, 0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5])
})

stages('fewer turns than stages leave some empty', () => {
  const { labels, ofRows } = stagesOf(rowsAt([2, 2, 7].map((turn) => ({ turn, of: null }))))
  assert.equal(labels, ['1–2', '–', '–', '–', '3–7', '–'])
  assert.equal(ofRows, [0, 0, 4])
})

stages.run()
