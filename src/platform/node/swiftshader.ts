import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { finished } from 'node:stream/promises'
import { brotliDecompressSync } from 'node:zlib'
import { NoAdapterError } from '../../errors.js'
import { CHECKSUMS, checksumsMatch, writeChecksums } from '../../io/checksums.js'
import { cacheFolder } from './cache-folder.js'
import { here } from './here.js'

/** The npm package that ships SwiftShader: an optional peer, for machines with neither a GPU nor a system driver. */
export const swiftShaderPackage = '@sparticuz/chromium'

const files = ['libvk_swiftshader.so', 'vk_swiftshader_icd.json', 'libvulkan.so.1']

/** A folder with SwiftShader's driver, its ICD file and a Vulkan loader. */
export interface SwiftShader {
  /** Holds `libvulkan.so.1`, for systems that have none. */
  readonly folder: string
  /** The driver's ICD file: goes into VK_ICD_FILENAMES. */
  readonly icd: string
}

/**
 * Finds SwiftShader in the npm package and unpacks it, once, into the user's cache folder; again where what lies there is
 * not, to the byte, what was unpacked.
 *
 * @returns undefined where the package is not installed, or ships nothing for this platform.
 * @throws NoAdapterError where it cannot be unpacked.
 */
export async function findSwiftShader(): Promise<SwiftShader | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  let root: string
  try {
    root = join(dirname(createRequire(here).resolve(swiftShaderPackage)), '..', '..')
  } catch {
    return undefined
  }
  const archive = join(root, 'bin', 'swiftshader.tar.br')
  if (!existsSync(archive)) return undefined
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const folder = join(cacheFolder(), `swiftshader-${version}`)
  // Digests of the 7 MB take some 10 ms, on machines without another adapter: a driver that was cut short or has a wrong
  // byte fails much later, in words that lead nowhere.
  if (!(await checksumsMatch(folder, files))) {
    await unpack(archive, folder).catch((error: Error) => {
      const advice = 'set XDG_CACHE_HOME to a folder that can be written'
      throw new NoAdapterError(`SwiftShader cannot be unpacked into ${folder} (${error.message}): ${advice}`)
    })
  }
  return { folder, icd: join(folder, 'vk_swiftshader_icd.json') }
}

/**
 * Unpacks beside the target and renames file by file, so that each is whole at every moment: for another process that does
 * the same, for one that has opened what lay there, and after one that was stopped half-way.
 */
async function unpack(archive: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const scratch = await mkdtemp(`${folder}.`)
  try {
    const { extract } = await import('tar')
    // Whoever runs this owns the drivers that it loads, root too.
    const sink = extract({ cwd: scratch, strict: true, preserveOwner: false, filter: (path) => files.includes(path) })
    sink.end(brotliDecompressSync(await readFile(archive)))
    await finished(sink as unknown as NodeJS.WritableStream)
    await writeChecksums(scratch, files)
    // The list comes last: while it is not there, or another's, the folder is not trusted.
    for (const file of [...files, CHECKSUMS]) await rename(join(scratch, file), join(folder, file))
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
