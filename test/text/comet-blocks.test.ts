import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type BlockSource,
  blockRelations,
  cometBlocks,
  cometEvents,
  type TailsByRelation,
} from '../../src/text/comet-blocks.js'
import { lastSeekerPost } from '../../src/text/dialogue.js'
import { readMiscEsconv } from '../../src/text/misc-esconv.js'
import { bracketed, RELATIONS } from '../../src/text/strategies.js'
import { StrategyLabels } from '../../src/text/strategy-labels.js'
import { skipWithoutTorch, torchPython } from '../python.js'
import { sharedPath, skipWithoutShared } from '../shared.js'

const blocks = suite('text/comet-blocks')
const lines = (...args: Parameters<typeof cometBlocks>) =>
  cometBlocks(...args).map(({ relation, tail }) => `${relation} ${tail}`)
/** So many different tails of each relation. */
const many = (count: number) =>
  Object.fromEntries(RELATIONS.map((it) => [it, Array.from({ length: count }, (_, rank) => `tail ${rank}`)]))

blocks('in the order of the authors’ data, whatever the order they come in', () => {
  const tails = {
    oReact: ['happy'],
    xWant: ['to cry', 'rest'],
    oWant: ['to help'],
    xAttr: ['sad'],
    oEffect: ['listens'],
  }
  assert.equal(lines(tails, 'post'), [
    'xAttr sad',
    'xWant to cry',
    'xWant rest',
    'oWant to help',
    'oEffect listens',
    'oReact happy',
  ])
  assert.equal(lines(tails, 'situation'), ['xAttr sad', 'xWant to cry', 'xWant rest'])
  assert.equal(lines({}, 'post'), [])
})

blocks('what says nothing, or was said, is dropped before five are taken', () => {
  const xReact = ['', ' ', 'none', 'None.', '---', ')', 'sad', ' Sad', 'very  sad ', 'but none', 'c', 'd', 'e', 'f']
  assert.equal(lines({ xReact, xAttr: ['sad'] }, 'post'), [
    'xAttr sad',
    ...['xReact sad', 'xReact very sad', 'xReact but none', 'xReact c', 'xReact d'],
  ])
})

blocks('too many: the last tails of the relations go', () => {
  const post = cometBlocks(many(9), 'post')
  assert.is(post.length, 30)
  const counts = RELATIONS.map((it) => post.filter(({ relation }) => relation === it).length)
  assert.equal(counts, [4, 4, 4, 3, 3, 3, 3, 3, 3])
  assert.equal(
    post.slice(0, 4).map(({ tail }) => tail),
    ['tail 0', 'tail 1', 'tail 2', 'tail 3'],
  )
  const situation = cometBlocks(many(5), 'situation')
  assert.is(situation.length, 20)
  assert.equal([...new Set(situation.map(({ relation }) => relation))], [...blockRelations.situation])
  // A relation with few leaves room to the others.
  assert.is(cometBlocks({ ...many(5), oWant: [], oEffect: ['a'], oReact: [] }, 'post').length, 30)
  assert.is(cometBlocks(many(5), 'post', 9).length, 9)
})

blocks('a dialogue’s events: the seeker’s last utterance, and the situation', () => {
  const dialogue = [
    { speaker: 'seeker', text: 'hi' },
    { speaker: 'seeker', text: ' I lost\n my job ' },
    { speaker: 'supporter', text: 'oh' },
    { speaker: 'supporter', text: 'when?' },
  ] as const
  assert.equal(cometEvents({ dialogue: [...dialogue], situation: ' no job' }), {
    post: 'I lost my job',
    situation: 'no job',
  })
  assert.equal(cometEvents({ dialogue: [dialogue[2]], situation: ' ' }), { post: undefined, situation: undefined })
})

skipWithoutTorch(blocks, 'that misc-mini is trained on blocks cut as here')('reference/ cuts them alike', async () => {
  const few: TailsByRelation = { ...many(5), xEffect: ['a'], xNeed: [], oWant: ['b', 'c'], oEffect: [], oReact: [] }
  const cases: [TailsByRelation, BlockSource, number][] = [
    [many(9), 'post', 30],
    [many(9), 'situation', 20],
    [few, 'post', 30],
    [few, 'situation', 20],
    [few, 'post', 4],
  ]
  for (const [tails, source, limit] of cases) {
    const all = blockRelations[source].flatMap((it) => (tails[it] ?? []).map((tail) => `${bracketed(it)} ${tail}`))
    const script = 'import json, sys; from text import cut_blocks; print(json.dumps(cut_blocks(*json.load(sys.stdin))))'
    const { stdout, stderr } = spawnSync(torchPython()!, ['-c', script], {
      cwd: new URL('../../reference', import.meta.url),
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      input: JSON.stringify([all, limit]),
      encoding: 'utf8',
    })
    assert.is(stderr, '')
    const cut = cometBlocks(tails, source, limit).map(({ relation, tail }) => `${bracketed(relation)} ${tail}`)
    assert.equal(JSON.parse(stdout), cut)
  }
})

blocks.run()

const data = skipWithoutShared(suite('comet-blocks, misc-esconv'), 'the blocks of the authors’ 3,528 rows')

data('every row holds its relations in this order, each tail of a relation in a run of five at most', async () => {
  for (const split of ['dev', 'test'] as const) {
    const rows = await readMiscEsconv(sharedPath('data', 'misc-esconv')!, split, new StrategyLabels(), Infinity)
    assert.is(rows.length, 1764)
    for (const row of rows) {
      for (const [source, lines] of [
        ['post', row.postBlocks],
        ['situation', row.situationBlocks],
      ] as const) {
        const order = lines.map((line) => blockRelations[source].findIndex((it) => line.startsWith(bracketed(it))))
        assert.ok(
          order.every((place, index) => place >= (order[index - 1] ?? 0)),
          `${split} ${row.row}: ${lines}`,
        )
        assert.ok(blockRelations[source].every((_, place) => order.filter((it) => it === place).length <= 5))
      }
    }
  }
})

data('rows with the same last utterance of the seeker have the same blocks', async () => {
  const byPost = new Map<string, Set<string>>()
  let repeated = 0
  for (const split of ['dev', 'test'] as const) {
    for (const row of await readMiscEsconv(sharedPath('data', 'misc-esconv')!, split, new StrategyLabels(), Infinity)) {
      const post = lastSeekerPost(row.context)!
      const known = byPost.get(post)
      if (known) repeated++
      byPost.set(post, (known ?? new Set()).add(row.postBlocks.join('|')))
    }
  }
  assert.ok(repeated > 200, String(repeated))
  for (const [post, kinds] of byPost) assert.is(kinds.size, 1, post)
})

data.run()
