import { Command, CommanderError } from 'commander'
import { InputError, MiscError, NoAdapterError } from '../errors.js'
import { packageVersion } from '../platform/node/packaged.js'

/** Exit codes: 0 done, 1 the answer is "no", 2 bad usage or input, 3 no adapter. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof NoAdapterError) return 3
  if (error instanceof InputError) return 2
  return 1
}

/** Flags may be written as in generation_config.json: `--top_p` means `--top-p`. */
function hyphenated(argument: string): string {
  const [flag = '', ...value] = argument.split('=')
  return flag.startsWith('--') ? [flag.replaceAll('_', '-'), ...value].join('=') : argument
}

/** In the order of the help. The code of a command is loaded when it is asked for: all of it takes most of a second. */
const commands = new Map<string, () => Promise<Command>>([
  ['doctor', async () => (await import('./doctor.js')).doctorCommand()],
  ['chat', async () => (await import('./chat.js')).chatCommand()],
  ['generate', async () => (await import('./generate.js')).generateCommand()],
  ['explain', async () => (await import('./explain.js')).explainCommand()],
  ['comet', async () => (await import('./comet.js')).cometCommand()],
  ['inspect', async () => (await import('./inspect.js')).inspectCommand()],
  ['synth', async () => (await import('./synth.js')).synthCommand()],
  ['convert', async () => (await import('./convert.js')).convertCommand()],
  ['features', async () => (await import('./features.js')).featuresCommand()],
  ['tokenize', async () => (await import('./tokenize.js')).tokenizeCommand()],
  ['validate', async () => (await import('./validate.js')).validateCommand()],
  ['eval', async () => (await import('./eval.js')).evalCommand()],
  ['explain', async () => (await import('./explain.js')).explainCommand()],
  ['bench', async () => (await import('./bench.js')).benchCommand()],
  ['tune', async () => (await import('./tune.js')).tuneCommand()],
])

/** The command that the arguments begin with; none for the version; else all, which the help and its advice name. */
function commandsFor([first = '']: readonly string[]): Promise<Command[]> {
  const asked = commands.get(first)
  const isVersion = first === '--version' || first === '-V'
  return Promise.all((asked ? [asked] : isVersion ? [] : [...commands.values()]).map((load) => load()))
}

/**
 * Runs `misc ARGS…` and sets the exit code of the process.
 *
 * @param isEnding whether the process ends already, and errors are no news.
 */
export async function runProgram(argv: readonly string[], isEnding: () => boolean): Promise<void> {
  const program = new Command('misc')
    .description(
      'MISC, an emotional-support dialogue model, on WebGPU. Research software: no therapy, no crisis service.',
    )
    .version(packageVersion)
    .showHelpAfterError('(misc --help lists the commands, misc COMMAND --help its options)')

  const args = argv.map(hyphenated)
  for (const command of await commandsFor(args)) program.addCommand(command.copyInheritedSettings(program))
  for (const command of [program, ...program.commands]) command.exitOverride()

  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!isEnding()) report(error)
  }
}

/** Commander has printed its own message; a MiscError is one line; anything else is a fault and keeps its stack. */
function report(error: unknown): void {
  if (error instanceof MiscError) process.stderr.write(`misc: ${error.message}\n`)
  else if (!(error instanceof CommanderError)) process.stderr.write(`misc: ${(error as Error)?.stack ?? error}\n`)
  process.exitCode = exitCode(error)
}
