import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import type { Engine } from '../engine/load.js'
import type { ReplyBlocks } from '../engine/reply.js'
import { InputError } from '../errors.js'
import { mentionsCrisis } from '../text/crisis.js'
import { DIALOGUE_LIMITS, type Utterance } from '../text/dialogue.js'
import type { StrategyName } from '../text/strategies.js'
import { type CommandName, parseChatLine } from './chat-line.js'
import {
  type AnyOptions,
  blockTable,
  CRISIS_LINES,
  chosenStrategy,
  cutInWords,
  likeliest,
  loadWithBars,
  type Mixture,
  modelName,
  NOTICE,
  parseStrategy,
  type ReplyFlags,
  replyCommand,
  replyOptions,
  SITUATION_NOTICE,
  shown,
  streamReply,
  unreadNotice,
  writesBlocks,
} from './reply-command.js'
import { lineBatches, print } from './stdio.js'

const HELP = `/situation TEXT       what troubles you; MISC reads what COMET infers of it, others nothing
/strategy NAME|auto   reply in one strategy, or let the model choose: MISC, BlenderBot-Joint
/mixture              the mixture of strategies, or of emotions, of the last reply
/state                what COMET inferred for the last reply
/reset                forget the conversation and the situation
/quit                 leave; so do Ctrl-C and Ctrl-D
//TEXT                say /TEXT; a line that is none of these commands is said as it is
Ctrl-C during a reply stops it.`

const EXAMPLES = `
In the conversation:
${HELP}

Examples:
  misc chat
  misc chat model/ --seed 1 --mixture
  printf 'hi\\ni lost my job\\n' | misc chat      one turn a line; replies on stdout
`

interface Flags extends ReplyFlags {
  mixture?: boolean
}

/** `misc chat`: a conversation. */
export function chatCommand(): Command {
  return replyCommand('chat')
    .summary('talk with the model')
    .description(`A conversation, a line a turn. Nothing you type is stored or sent.\n\n${NOTICE}`)
    .option('--mixture', 'show the mixture of strategies, or of emotions, after every reply')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(model: string | undefined, flags: Flags): Promise<void> {
  say(`${NOTICE}\nNothing you type is stored or sent: it stays in this process. /help lists the commands.\n`)
  await using engine = await loadWithBars(model, flags)
  const chat = new Chat(engine, replyOptions(flags, engine), flags.mixture ?? false)
  const terminal = process.stdin.isTTY && process.stderr.isTTY
  const prompt = terminal ? createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' }) : undefined
  prompt?.on('SIGINT', () => {
    if (!chat.stop()) prompt.close()
  })
  prompt?.prompt()
  for await (const line of prompt ?? pipedLines()) {
    // Between turns Ctrl-C ends the process, as it does by default.
    const stop = () => chat.stop()
    process.once('SIGINT', stop)
    const goesOn = await chat.take(line).finally(() => process.off('SIGINT', stop))
    if (!goesOn) break
    prompt?.prompt()
  }
  prompt?.close()
}

/** One conversation: its history is kept here and nowhere else. */
class Chat {
  #dialogue: Utterance[] = []
  #situation: string | undefined
  #strategy: StrategyName | undefined
  #mixture: Mixture | undefined
  #blocks: ReplyBlocks | undefined
  #toldCut = false
  #reply: AbortController | undefined

  constructor(
    readonly engine: Engine,
    readonly options: AnyOptions,
    readonly showMixture: boolean,
  ) {
    this.#strategy = options.strategy as StrategyName | undefined
  }

  /** Stops the reply being drawn; false where there is none. */
  stop(): boolean {
    this.#reply?.abort()
    return this.#reply !== undefined
  }

  /** Takes a line: a command, or the seeker's turn, which is replied to. False where the conversation ends with it. */
  async take(line: string): Promise<boolean> {
    const read = parseChatLine(line)
    try {
      if (read.command === 'quit') return false
      if (read.command !== undefined) this.#command(read.command, read.argument)
      else if (read.words !== '') {
        if (/^\s*\/(?!\/)/.test(line)) say('(said as it is, not taken for a command; /help lists them)')
        await this.#turn(read.words)
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      say(error.message)
    }
    return true
  }

  #command(name: Exclude<CommandName, 'quit'>, argument: string): void {
    if (name === 'help') say(HELP)
    else if (name === 'situation') say(this.#setSituation(argument))
    else if (name === 'strategy') say(this.#setStrategy(argument))
    else if (name === 'mixture') say(this.#mixtureOfLast())
    else if (name === 'state') say(this.#state())
    else {
      this.#dialogue = []
      this.#situation = this.#mixture = this.#blocks = undefined
      this.#toldCut = false
      say('a new conversation')
    }
  }

  #mixtureOfLast(): string {
    if (this.engine.family === 'bart') return `${modelName(this.engine)} tells no mixture, of strategies or of emotions`
    return this.#mixture ? mixtureTable(this.#mixture) : 'no reply yet'
  }

  #state(): string {
    if (writesBlocks(this.engine) === undefined) return `nothing is inferred: ${unreadNotice(this.engine)}`
    return this.#blocks ? blockTable(this.#blocks) : 'no reply yet'
  }

  #setSituation(text: string): string {
    if (mentionsCrisis(text)) say(CRISIS_LINES)
    const writes = writesBlocks(this.engine)
    if (writes === undefined) return unreadNotice(this.engine)
    if (text) this.#situation = text
    if (this.#situation === undefined) return 'no situation yet: /situation TEXT'
    return `situation: ${shown(this.#situation)}${writes ? '' : `\n(${SITUATION_NOTICE})`}`
  }

  #setStrategy(name: string): string {
    if (!this.engine.ownOptions.includes('strategy')) return `${modelName(this.engine)} replies in no strategy`
    if (name) this.#strategy = name === 'auto' ? undefined : parseStrategy(name)
    return `strategy: ${this.#strategy ?? 'auto, as the model chooses'}`
  }

  async #turn(text: string): Promise<void> {
    if (mentionsCrisis(text)) say(CRISIS_LINES)
    const dialogue: Utterance[] = [...this.#dialogue, { speaker: 'seeker', text }]
    this.#reply = new AbortController()
    try {
      const input = { dialogue, ...(this.#situation !== undefined && { situation: this.#situation }) }
      const strategy = this.#strategy
      const options = { ...this.options, ...(strategy && { strategy }), signal: this.#reply.signal }
      const reply = await streamReply(this.engine, input, options, print)
      await print('\n')
      const chosen = reply.strategy && chosenStrategy(reply.strategy)
      if (reply.text) dialogue.push({ speaker: 'supporter', text: reply.text, ...(chosen && { strategy: chosen }) })
      // An utterance takes an id at least: those before are never read. The next turn must fit too.
      this.#dialogue = dialogue.slice(-Math.min(this.engine.maxPositions, DIALOGUE_LIMITS.utterances - 1))
      this.#mixture = reply.strategy ?? reply.emotion
      this.#blocks = reply.blocks
      if (reply.finishReason === 'aborted') say('(stopped)')
      const cut = cutInWords(reply.cut, this.engine)
      if (cut && !this.#toldCut) say(`(${cut})`)
      this.#toldCut ||= cut !== undefined
      if (this.showMixture && this.#mixture) say(`(${likeliest(this.#mixture, 3)})`)
    } finally {
      this.#reply = undefined
    }
  }
}

async function* pipedLines(): AsyncGenerator<string> {
  for await (const lines of lineBatches(process.stdin)) yield* lines
}

function mixtureTable({ probs, predicted }: Mixture): string {
  return Object.entries(probs)
    .sort(([, a], [, b]) => b - a)
    .map(([name, p]) => {
      const bar = '='.repeat(Math.round(p * 30)).padEnd(30)
      return `${name.padEnd(27)} ${bar} ${(p * 100).toFixed(1)}%${name === predicted ? '  likeliest' : ''}`
    })
    .join('\n')
}

/** Words for people, apart from the replies. */
function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
