import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ESCONV_EMOTIONS } from '../../src/text/emotions.js'
import { type EsconvRow, rowTexts } from '../../src/text/esconv-row.js'
import { readRepliesToCompare } from '../../src/text/replies-to-compare.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { caseFolder, kindsOf } from './cases.js'
import { changed, edited, jsonOf, oddText } from './values.js'

const rows = kindsOf('rows')
const folder = caseFolder()
const put = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const strategy = fc.oneof(fc.constantFrom(...STRATEGIES), oddText)
const turn = fc.oneof(
  fc.record({ speaker: fc.constantFrom('usr', 'sys'), text: oddText, strategy }, { requiredKeys: ['speaker', 'text'] }),
  fc.record({ speaker: fc.constant('seeker'), content: oddText, annotation: fc.constant({ feedback: '4' }) }),
  fc.record({ speaker: fc.constant('supporter'), content: oddText, annotation: fc.record({ strategy }) }),
)
const conversation = fc.record({
  emotion_type: fc.constantFrom(...ESCONV_EMOTIONS, 'bliss'),
  dialog: fc.array(turn, { maxLength: 6 }),
})
const conversations = fc.array(conversation, { maxLength: 9 })

function checkRows(rows: readonly EsconvRow[]): void {
  for (const [i, { row, emotion, context, reply, ...blocks }] of rows.entries()) {
    assert.is(row, i)
    assert.ok(emotion === null || (Number.isSafeInteger(emotion) && emotion >= 0), `emotion ${emotion}`)
    for (const turn of [...context, reply]) {
      assert.type(turn.text, 'string')
      assert.ok(turn.strategy === null || STRATEGIES.includes(turn.strategy))
      assert.ok(turn.speaker === 'seeker' || turn.speaker === 'supporter')
    }
    for (const text of Object.values(rowTexts({ context, reply, row, emotion, ...blocks })).flat())
      assert.type(text, 'string')
  }
}

/** Texts that say something, and whether they do is no question; an opening in brackets is a label, and no text. */
const plainText = fc.oneof(
  fc.constantFrom('', ' \n\t'),
  oddText.map((it) => `so ${it}`),
)
const plainTurn = fc.record({ speaker: fc.constantFrom('usr', 'sys'), text: plainText, strategy })
const plainConversations = fc.array(fc.array(plainTurn, { maxLength: 6 }), { maxLength: 9 })

/** How many replies conversations have: supporters' turns that say something after a seeker's. */
const count = (conversations: readonly (readonly { speaker: string; text: string }[])[]): number =>
  conversations.flatMap((dialog) => {
    const first = dialog.findIndex(({ speaker }) => speaker === 'usr')
    return first < 0 ? [] : dialog.filter((it, i) => i > first && it.speaker === 'sys' && it.text.startsWith('so'))
  }).length

rows.add({
  name: 'conversations that are sound: every reply is a row',
  cases: fc.tuple(plainConversations, fc.boolean()),
  read: async ([dialogs, isList]) => {
    const values = dialogs.map((dialog) => ({ dialog }))
    const text = isList ? jsonOf(values) : values.map((it) => `${jsonOf(it)}\n`).join('')
    const expected = count(dialogs)
    const found = await readReplyRows(put('test.json', text), 'test').catch((error) => {
      if (expected === 0) return []
      throw error
    })
    checkRows(found)
    assert.is(found.length, expected)
  },
  share: 1 / 4,
})

const lines = fc.array(changed(conversation).map(jsonOf), { maxLength: 4 }).map((it) => it.join('\n'))

rows.add({
  name: 'any conversations are rows, or refused',
  cases: fc.tuple(edited(fc.oneof(changed(conversations).map(jsonOf), lines)), fc.boolean()),
  read: async ([text, whole]) =>
    checkRows(await readReplyRows(put(whole ? 'ESConv.json' : 'test.jsonl', text), 'test')),
})

const spoken = fc.tuple(
  fc.constantFrom('3', '0', '10', '32', '999999999'),
  fc.constantFrom('0', '1'),
  fc.nat(9),
  strategy,
  oddText.map((it) => it.replace(/\s/g, ' ')),
)
const line = fc
  .array(spoken, { minLength: 1, maxLength: 5 })
  .map((it) =>
    it
      .map(([emotion, role, turn, label, said]) =>
        [emotion, role, turn, ...(role === '1' ? [`[${label}]`] : []), said].join(' '),
      )
      .join(' EOS '),
  )
const block = fc.array(oddText, { maxLength: 3 }).map((it) => it.map((tail) => `[xReact] ${tail} __EOS__`).join(''))
const oneLine = (it: string) => it.replace(/[\n\r]/g, ' ')

rows.add({
  name: 'misc-esconv’s files are a row a line, or refused',
  cases: fc.tuple(
    fc.array(fc.tuple(line, block, block), { minLength: 1, maxLength: 4 }),
    fc.array(edited(fc.constant('')), { minLength: 3, maxLength: 3 }),
    fc.boolean(),
  ),
  read: async ([rows, more, isSound]) => {
    for (const name of ['ESConv.json', 'test.json', 'test.jsonl']) rmSync(join(folder, name), { force: true })
    for (const [i, name] of ['WithStrategy_short.tsv', 'Comet.txt', 'Comet_st.txt'].entries()) {
      const text = rows.map((it) => oneLine(it[i]!)).join('\n')
      put(`test${name}`, `${text}\n${isSound ? '' : more[i]}`)
    }
    const found = await readReplyRows(folder, 'test')
    checkRows(found)
    if (isSound) assert.is(found.length, rows.length)
  },
  share: 1 / 2,
  sound: 1 / 10,
})

const reply = fc.oneof(oddText, fc.record({ text: oddText }))
const choice = fc.record({
  reference: strategy,
  hypothesis: fc.oneof(strategy, fc.constant({ probs: Object.fromEntries(STRATEGIES.map((it) => [it, 0.125])) })),
})

const list = <T>(it: fc.Arbitrary<T>) => fc.array(it, { minLength: 2, maxLength: 2 })
const entries = (it: fc.Arbitrary<unknown>) => {
  const lines = list(it.map(jsonOf)).map((it) => it.join('\n'))
  return edited(fc.oneof(list(it).map(jsonOf), lines, changed(list(it)).map(jsonOf)))
}

rows.add({
  name: 'replies to compare are as many of each, or refused',
  cases: fc.tuple(entries(reply), entries(reply), fc.option(entries(choice))),
  read: async ([a, b, c]) => {
    const strategies = c === null ? {} : { strategies: put('c.json', c) }
    const found = await readRepliesToCompare({
      hypotheses: put('a.json', a),
      references: put('b.json', b),
      ...strategies,
    })
    assert.is(found.hypotheses.length, found.references.length)
    for (const text of [...found.hypotheses, ...found.references]) assert.type(text, 'string')
    for (const { reference, ranking } of found.strategies ?? []) {
      assert.ok(STRATEGIES.includes(reference) && ranking.every((it) => STRATEGIES.includes(it)))
    }
  },
})

rows.run()
