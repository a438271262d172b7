/** The commands of `misc chat`: those that take an argument, and those that stand alone on their line. */
const COMMAND = /^\/(?:(situation|strategy)(?:\s+(.*))?|(help|mixture|state|reset|quit))$/s

/** The name of a command. */
export type CommandName = 'situation' | 'strategy' | 'help' | 'mixture' | 'state' | 'reset' | 'quit'

/** What a line of `misc chat` is: a command, or words of the seeker. */
export type ChatLine =
  | { readonly command: CommandName; readonly argument: string }
  | { readonly command?: undefined; readonly words: string }

/**
 * Reads a line. Only known commands are commands: people write `/r/depression says …`. A line that opens with two slashes is
 * sent with one, whatever follows.
 */
export function parseChatLine(line: string): ChatLine {
  const words = line.trim()
  const [, withArgument, argument = '', alone] = COMMAND.exec(words) ?? []
  const command = withArgument ?? alone
  if (command !== undefined) return { command: command as CommandName, argument }
  return { words: words.startsWith('//') ? words.slice(1) : words }
}
