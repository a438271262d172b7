/** Runs the code blocks of a page, one after the other, in a folder of their own. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Command } from 'commander'
import * as assert from 'uvu/assert'
import { misc } from './cli/in-process.js'
import type { CodeBlock } from './code-blocks.js'
import { tempFolder } from './temp.js'
import { compile, root, runNode, userFolder } from './user-folder.js'

/** What was done with a block. */
export type Done =
  | 'run'
  | 'type-checked and run'
  | 'written, for a later block'
  | 'type-checked, for a later block'
  | 'its options checked, not run'
  | 'not run'

/** Where a user is who has installed the package, and beside it what README names of the repository. */
export function userPlace(): string {
  const folder = userFolder()
  const modules = join(folder, 'node_modules')
  for (const name of ['weights', 'examples']) symlinkSync(join(root, name), join(folder, name))
  symlinkSync(join(root, 'node_modules/esbuild'), join(modules, 'esbuild'))
  cpSync(join(root, 'examples'), join(modules, 'misc-webgpu/examples'), { recursive: true })
  mkdirSync(join(modules, '.bin'))
  symlinkSync('../misc-webgpu/dist/cli/main.js', join(modules, '.bin/misc'))
  symlinkSync('../esbuild/bin/esbuild', join(modules, '.bin/esbuild'))
  return folder
}

/** A copy of the repository's code to write in, with links to what is large and never written. */
export function repositoryPlace(): string {
  const folder = join(tempFolder(), 'misc-webgpu')
  const config = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'biome.json', '.gitignore']
  const isCode = (path: string) => !/(^|\/)(node_modules|bench\/results|test\/fixtures)$/.test(path)
  for (const name of ['src', 'shaders', 'test', 'scripts', 'examples', 'bench', ...config]) {
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: isCode })
  }
  for (const name of ['weights', 'data', 'test/fixtures']) symlinkSync(join(root, name), join(folder, name))
  // Not the folder itself: what tests keep in its cache is not for two of them.
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '.cache') symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  return folder
}

/** Runs a block, or checks of one that is not run what can be checked. */
export async function runBlock(block: CodeBlock, folder: string, later: readonly CodeBlock[]): Promise<Done> {
  const { language, file, text, notRun } = block
  if (language === 'json') JSON.parse(text)
  const isRun = notRun === undefined && file === undefined
  assert.ok(isRun || block.prints === undefined, 'what it prints is said of a block that is not run')
  if (notRun !== undefined) return checkOptions(block)
  if (file !== undefined) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), `${text}\n`)
    const name = basename(file).replace(/(\.test)?\.\w+$/, '')
    assert.ok(
      later.some((it) => it.text.includes(name)),
      `no later block names ${name}`,
    )
    // One in a folder is for the repository, which has a check of its own.
    if (language !== 'ts' || file.includes('/')) return 'written, for a later block'
    compileStrictly(folder, file)
    return 'type-checked, for a later block'
  }
  const stdout = await outputOf(block, folder)
  if (block.prints !== undefined) assert.match(stdout.trim(), printed(block.prints))
  return language === 'ts' ? 'type-checked and run' : 'run'
}

function compileStrictly(folder: string, file: string): void {
  const strict = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes']
  compile(folder, file, ...strict, ...['--module', 'nodenext', '--target', 'es2022', '--types', 'node'])
}

/** What a block writes to stdout. */
async function outputOf({ language, text, place }: CodeBlock, folder: string): Promise<string> {
  const name = `block-${place.replace(/.*:/, '')}`
  switch (language) {
    case 'json':
      return ''
    case 'sh':
      return runShell(text, folder)
    case 'js':
      writeFileSync(join(folder, `${name}.mjs`), text)
      return runNode(folder, `${name}.mjs`)
    case 'ts': {
      writeFileSync(join(folder, `${name}.ts`), text)
      compileStrictly(folder, `${name}.ts`)
      return runNode(folder, `${name}.js`)
    }
    case 'diff': {
      const { status, stderr } = spawnSync('git', ['apply', '--recount', '-'], {
        cwd: folder,
        input: `${text}\n`,
        encoding: 'utf8',
      })
      assert.is(status, 0, stderr)
      return ''
    }
    default:
      throw new Error(`it is not said how a block of ${language} is run: see test/run-blocks.ts`)
  }
}

/** Lines of `npx misc …` run in this process, and whatever else there is in a shell. */
async function runShell(text: string, folder: string): Promise<string> {
  const commands = commandsOf(text)
  if (!commands.every(isMisc)) {
    const env = { ...process.env, PATH: `${join(folder, 'node_modules/.bin')}:${process.env.PATH}` }
    const { status, stdout, stderr } = spawnSync('bash', ['-euc', text], { cwd: folder, env, encoding: 'utf8' })
    assert.is(status, 0, `exit code ${status}\n${stdout}${stderr}`)
    return stdout
  }
  let output = ''
  const here = process.cwd()
  process.chdir(folder)
  try {
    for (const command of commands) {
      const { stdout, stderr, status } = await misc(argumentsOf(command))
      assert.is(status, 0, `${command}\n${stdout}${stderr}`)
      output += stdout
    }
  } finally {
    process.chdir(here)
  }
  return output
}

/** Of a block that is not run: whether its commands take what they are given, and its scripts exist. */
async function checkOptions({ text, language }: CodeBlock): Promise<Done> {
  if (language !== 'sh') return 'not run'
  const { action } = Command.prototype
  Command.prototype.action = function (this: Command) {
    return action.call(this, () => {})
  }
  try {
    const ours = commandsOf(text).filter(isMisc)
    for (const command of ours) {
      const { stderr, status } = await misc(argumentsOf(command))
      assert.is(status, 0, `${command}\n${stderr}`)
    }
    return ours.length > 0 ? 'its options checked, not run' : 'not run'
  } finally {
    Command.prototype.action = action
  }
}

/** One a line, without comments; a line may go on behind a backslash. */
function commandsOf(text: string): string[] {
  const lines = text.replaceAll(/ \\\n\s*/g, ' ').split('\n')
  return lines.map((line) => line.replace(/(^|\s)# .*$/, '').trim()).filter((line) => line !== '')
}

const isMisc = (command: string) => /^npx misc [^|<>;&$]*$/.test(command)

const argumentsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!).slice(2)

/** What a page says is printed: `…` stands for anything. */
function printed(text: string): RegExp {
  const parts = text.trim().split('…')
  return new RegExp(`^${parts.map((it) => it.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[^]*?')}$`)
}
