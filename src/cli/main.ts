#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { InputError, MiscError, NoAdapterError } from '../errors.js'
import { packageVersion } from '../platform/node/packaged.js'
import { benchCommand } from './bench.js'
import { chatCommand } from './chat.js'
import { cometCommand } from './comet.js'
import { convertCommand } from './convert.js'
import { doctorCommand } from './doctor.js'
import { endWithReader } from './end-with-reader.js'
import { evalCommand } from './eval.js'
import { featuresCommand } from './features.js'
import { generateCommand } from './generate.js'
import { inspectCommand } from './inspect.js'
import { synthCommand } from './synth.js'
import { tokenizeCommand } from './tokenize.js'
import { tuneCommand } from './tune.js'
import { validateCommand } from './validate.js'

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

const isEnding = endWithReader()

const program = new Command('misc')
  .description(
    'MISC, an emotional-support dialogue model, on WebGPU. Research software: no therapy, no crisis service.',
  )
  .version(packageVersion)
  .showHelpAfterError('(misc --help lists the commands, misc COMMAND --help its options)')

const commands: Command[] = [
  doctorCommand(),
  chatCommand(),
  generateCommand(),
  cometCommand(),
  inspectCommand(),
  synthCommand(),
  convertCommand(),
  featuresCommand(),
  tokenizeCommand(),
  validateCommand(),
  evalCommand(),
  benchCommand(),
  tuneCommand(),
]
for (const command of commands) program.addCommand(command.copyInheritedSettings(program))
for (const command of [program, ...program.commands]) command.exitOverride()

try {
  await program.parseAsync(process.argv.slice(2).map(hyphenated), { from: 'user' })
} catch (error) {
  if (!isEnding()) report(error)
}

/** Commander has printed its own message; a MiscError is one line; anything else is a fault and keeps its stack. */
function report(error: unknown): void {
  if (error instanceof MiscError) process.stderr.write(`misc: ${error.message}\n`)
  else if (!(error instanceof CommanderError)) process.stderr.write(`misc: ${(error as Error)?.stack ?? error}\n`)
  process.exitCode = exitCode(error)
}
