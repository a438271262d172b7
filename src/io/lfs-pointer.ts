/** How the few lines begin that Git LFS puts in a large file's place until that is fetched. */
const opening = Buffer.from('version https://git-lfs.github.com/spec/')

/** Bytes of a file's beginning that {@link isLfsPointer} needs. */
export const lfsOpeningBytes = opening.length

/** Whether a file that begins with these bytes is a Git LFS pointer. */
export function isLfsPointer(head: Uint8Array): boolean {
  return opening.equals(head.subarray(0, opening.length))
}

/** What is said of one. */
export const lfsFault = 'is a Git LFS pointer in place of the file itself; fetch that with git lfs pull'
