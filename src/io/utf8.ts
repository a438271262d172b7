import { InputError } from '../errors.js'

/** Where text lies in its source. */
export interface TextPlace {
  /** The source, as messages name it. */
  readonly source: string
  /** Lines of it that came before; default: none. */
  readonly linesBefore?: number
}

/**
 * The text of UTF-8 bytes; a byte order mark that opens the source is left out.
 *
 * @param bytes whole lines, so that no character is cut
 * @param advice what to do where it is another encoding
 * @throws InputError naming line and byte
 */
export function decodeUtf8(
  bytes: Uint8Array,
  { source, linesBefore = 0 }: TextPlace,
  advice = 'convert it, as iconv -t UTF-8 does',
): string {
  const start = linesBefore === 0
  const utf16 = start && opensUtf16(bytes)
  try {
    if (!utf16) return new TextDecoder('utf-8', { fatal: true, ignoreBOM: !start }).decode(bytes)
  } catch {
    // Said below.
  }
  const fault = utf16 ? 0 : firstFault(bytes)
  const before = bytes.subarray(0, fault)
  const line = linesBefore + before.reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), 1)
  const byte = fault - before.lastIndexOf(NEWLINE)
  const hex = bytes[fault]!.toString(16).toUpperCase().padStart(2, '0')
  const found = utf16 ? 'begins as UTF-16 does' : `is 0x${hex}`
  throw new InputError(`${source}: not UTF-8 text: line ${line}, byte ${byte} ${found}; ${advice}`)
}

const NEWLINE = 10

/** By its byte order mark, or the NUL that its first letter has and that no text starts with. */
function opensUtf16([first, second]: Uint8Array): boolean {
  return first === 0 || second === 0 || (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
}

/** The index of the first byte that is no part of a character: where a lossy copy differs, back to its character's start. */
function firstFault(bytes: Uint8Array): number {
  const lossy = Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  let at = 0
  while (bytes[at] === lossy[at]) at++
  while ((lossy[at]! & 0xc0) === 0x80) at--
  return at
}
