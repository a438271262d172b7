import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Comet } from '../../src/engine/comet.js'
import type { TailNode } from '../../src/engine/explain-comet.js'
import { isEnd } from '../../src/explain/reply-names.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { comet2019, cometBart, hubNames, tinyComet } from '../comet-models.js'
import { modelAdapters } from '../gpu.js'
import { refused } from '../throws.js'

/** Every path of a tree, from its first piece to its last. */
const paths = (nodes: readonly TailNode[], before: readonly TailNode[] = []): (readonly TailNode[])[] =>
  nodes.flatMap((node) => {
    const path = [...before, node]
    return [...(node.tail ? [path] : []), ...paths(node.next, path)]
  })

/** Every node of a tree, with its depth and the sum before it. */
const walk = (nodes: readonly TailNode[], depth = 0, before = 0): { node: TailNode; depth: number; before: number }[] =>
  nodes.flatMap((node) => [{ node, depth, before }, ...walk(node.next, depth + 1, node.sum)])

/** What was dropped is there with sums that are those of its pieces, and was worse than what the step kept instead. */
function checkSums(nodes: readonly TailNode[], numBeams: number): void {
  const all = walk(nodes)
  // Probabilities of the pieces of tails come from another pass than the search's sums.
  for (const { node, before } of all) {
    assert.ok(Math.abs(Math.log(node.probability) - (node.sum - before)) < 1e-3, `${node.text}: ${node.sum}`)
    assert.is(node.dropped, !node.tail && node.next.every((it) => it.dropped))
  }
  assert.ok(all.some(({ node }) => node.dropped))
  for (let depth = 0; depth <= Math.max(...all.map((it) => it.depth)); depth++) {
    const step = all.filter((it) => it.depth === depth).map(({ node }) => node)
    assert.ok(step.length <= 2 * numBeams, `${step.length} at ${depth}`)
    const isInner = (it: TailNode) => it.next.length > 0
    const worstKept = Math.min(...step.filter(isInner).map((it) => it.sum))
    // But for ends, only beams all of whose ways were too unlikely can be better than one that went on.
    const better = step.filter((it) => !isInner(it) && !isEnd(it) && it.sum > worstKept)
    assert.ok(better.length < numBeams, `${better.length} at ${depth}`)
  }
}

for (const adapter of modelAdapters) {
  const explain = suite(`engine/explain-comet on ${adapter}`)

  explain(
    'the paths of the trees are the tails that are found, and their probabilities make their scores',
    async () => {
      await using comet = await Comet.load(packagedModel('comet-mini'), { adapter })
      const options = { relations: ['xReact', 'xWant'], numBeams: 4, numReturnSequences: 4 }
      const [found] = await comet.tails(['i lost my job'], options)
      const { trees, event, cut } = await comet.explain('i lost my job', options)
      assert.equal([event, cut, Object.keys(trees)], ['i lost my job', 0, options.relations])
      for (const [relation, nodes] of Object.entries(trees)) {
        const all = paths(nodes)
        checkSums(nodes, options.numBeams)
        const byScore = all.map((path) => path.at(-1)!.tail!).sort((a, b) => b.score - a.score)
        assert.equal(byScore, found!.tails[relation])
        for (const path of all) {
          const { tail } = path.at(-1)!
          const sum = path.reduce((sum, it) => sum + Math.log(it.probability), 0)
          // The length counts the start id, and not the end.
          assert.ok(
            Math.abs(sum / path.length - tail!.score) < 1e-3,
            `${tail!.text}: ${sum / path.length}, ${tail!.score}`,
          )
          for (const { next } of path) {
            assert.ok(next.every((it, i) => i === 0 || it.probability <= next[i - 1]!.probability))
            assert.is(new Set(next.map((it) => it.id)).size, next.length)
          }
        }
      }
    },
  )

  explain('every kind of COMET has its trees; what is wrong is named', async () => {
    for (const folder of [await tinyComet(), await cometBart(true), await comet2019(await hubNames())]) {
      await using comet = await Comet.load(folder, { adapter })
      const relations = comet.relations.slice(0, 1)
      const most = 4
      const { trees } = await comet.explain('a', {
        relations,
        numBeams: 2,
        numReturnSequences: 2,
        maxNewTokens: most,
        lengthPenalty: 1,
      })
      const all = paths(trees[relations[0]!]!)
      assert.is(all.length, 2)
      for (const path of all) {
        // Those that are as long as allowed have no end that was likely or not.
        const isLongest = path.length === most - 1
        const sum = path.reduce((sum, it) => sum + Math.log(it.probability), 0)
        const length = path.length + (isLongest ? 1 : 0) + (comet.kind === 'comet-2019' ? 17 : 0)
        const { score } = path.at(-1)!.tail!
        assert.ok(Math.abs(sum / length - score) < 1e-3, `${comet.kind}: ${sum / length}, ${score}`)
      }
      await refused(() => comet.explain(' '), /^an event must say what happened; it is empty$/)
    }
  })

  explain.run()
}
