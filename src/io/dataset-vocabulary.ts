import { InputError } from '../errors.js'
import { BinaryFile } from './binary-file.js'
import { isLfsPointer, lfsFault } from './lfs-pointer.js'
import { kindOf, type PickleLimits, PickleRecord, type PickleValue, readPickle } from './pickle.js'
import { dataGlobals } from './pickle-globals.js'

const LANG = 'utils.data_reader.Lang'
const contents = {
  name: 'a dataset_preproc.p',
  advice: "give the file that MoEL's or MIME's program wrote, or a folder with vocab.json ({word: id}) as --tokenizer",
}

/** The file holds all words of EmpatheticDialogues, each where it stands: some four million. It is below 100 MB, GitHub's limit. */
const limits: PickleLimits = { bytes: 2 ** 27, steps: 2 ** 24, memo: 2 ** 23, text: 2 ** 20, depth: 64 }

/**
 * The words of the vocabulary in a `dataset_preproc.p`, by id: MoEL's and MIME's programs write their data and a `Lang` there,
 * `[train, dev, test, vocab]`. It is read as data; no program in it is run.
 *
 * @throws InputError where the file cannot be read, names what it should not, goes beyond a limit, or its vocabulary has a gap
 */
export async function readDatasetVocabulary(path: string): Promise<string[]> {
  const { value, length } = readPickle(await start(path), { source: path, globals: dataGlobals(), limits, contents })
  const fault = (what: string) => new InputError(`${path}: ${what} (${length} bytes of a pickle); ${contents.advice}`)
  const lang = Array.isArray(value) ? value.at(-1) : undefined
  if (!(lang instanceof PickleRecord) || lang.className !== LANG) {
    const found = Array.isArray(value) ? `a list that ends with ${kindOf(lang)}` : kindOf(value)
    throw fault(`holds ${found}, not a list that ends with ${LANG}`)
  }
  const words = lang.fields.get('index2word')
  if (!(words instanceof Map)) throw fault(`index2word is ${kindOf(words)}, not a dict`)
  return byId(words, fault)
}

/** As much of a file as may be read. */
async function start(path: string): Promise<Uint8Array> {
  await using file = await BinaryFile.open(path)
  // A byte beyond the limit is enough for the pickle's reader to say so.
  const bytes = new Uint8Array(Math.min(file.size, limits.bytes + 1))
  await file.readInto(bytes, 0)
  if (isLfsPointer(bytes)) throw new InputError(`${path}: ${lfsFault}`)
  return bytes
}

function byId(words: ReadonlyMap<PickleValue, PickleValue>, fault: (what: string) => InputError): string[] {
  const list = new Array<string>(words.size)
  const ids = new Map<string, number>()
  for (const [id, word] of words) {
    if (typeof word !== 'string') throw fault(`a word is ${kindOf(word)}`)
    if (!(typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < list.length)) {
      throw fault(`of ${words.size} words one has ${typeof id === 'number' ? `id ${id}` : kindOf(id)}`)
    }
    if (ids.has(word)) throw fault(`ids ${ids.get(word)} and ${id} are of one word`)
    ids.set(word, id)
    list[id] = word
  }
  return list
}
