import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readDatasetVocabulary } from '../../src/io/dataset-vocabulary.js'
import { tempFolder } from '../temp.js'
import { quicklyRefused, refused } from '../throws.js'
import { call, dict, instance, integer, list, named, none, pickle, raw, text } from './pickles.js'

const vocabulary = suite('io/dataset-vocabulary')

const folder = tempFolder()
let count = 0
function fileOf(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.p`)
  writeFileSync(path, bytes)
  return path
}

const LANG = named('utils.data_reader', 'Lang')
const ids = (...entries: (readonly [id: Uint8Array, word: Uint8Array])[]) => raw('}(', ...entries.flat(), 'u')
const lang = (index2word: Uint8Array) => instance(LANG, { index2word, n_words: integer(3) })
const dataset = (last: Uint8Array, data = dict({})) => pickle(list(data, dict({}), dict({}), last))
const three = ids([integer(0), text('UNK')], [integer(2), text('__proto__')], [integer(1), text('12')])

vocabulary('the words by id, whatever the data before them are', async () => {
  assert.equal(await readDatasetVocabulary(fileOf(dataset(lang(three)))), ['UNK', '12', '__proto__'])
})

vocabulary('what is none is refused at once, and nothing is run', async () => {
  const witness = join(folder, 'witness')
  const calls = call(named('os', 'system'), text(`touch ${witness}`))
  const at = (id: Uint8Array) => dataset(lang(ids([id, text('a')])))
  for (const [bytes, words] of [
    [dataset(lang(calls)), /it names "os\.system", which is no part of a dataset_preproc\.p/],
    [dataset(none, dict({ emotion: calls })), /it names "os\.system"/],
    [dataset(call(named('utils.data_reader', 'load_dataset'))), /it names "utils\.data_reader\.load_dataset"/],
    [dataset(call(LANG, three)), /utils\.data_reader\.Lang is made with arguments/],
    [pickle(dict({})), /holds a dict, not a list that ends with utils\.data_reader\.Lang/],
    [dataset(none), /holds a list that ends with None/],
    [dataset(instance(named('utils.utils', 'DD'), {})), /ends with an instance of utils\.utils\.DD/],
    [dataset(instance(LANG, {})), /index2word is nothing, not a dict/],
    [dataset(lang(list())), /index2word is a list/],
    [dataset(lang(ids([integer(0), none]))), /a word is None/],
    [at(integer(1)), /of 1 words one has id 1/],
    [at(integer(-1)), /of 1 words one has id -1/],
    [at(raw('G', Buffer.of(0x3f, 0xe0, 0, 0, 0, 0, 0, 0))), /one has id 0\.5/],
    [at(text('0')), /one has a string/],
    [dataset(lang(ids([integer(0), text('a')], [integer(1), text('a')]))), /ids 0 and 1 are of one word/],
    [Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'), /is a Git LFS pointer/],
    [Buffer.alloc(0), /past its end.*give the file that MoEL's or MIME's program wrote, or a folder with vocab\.json/],
  ] as const) {
    const path = fileOf(bytes)
    await quicklyRefused(() => readDatasetVocabulary(path), words)
  }
  assert.not(existsSync(witness))
  await refused(() => readDatasetVocabulary(join(folder, 'none.p')), /none\.p: no such file/)
  await refused(() => readDatasetVocabulary(folder), /is (not a file|a folder)/)
})

vocabulary.run()
