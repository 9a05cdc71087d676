import { createInterface } from 'node:readline/promises'

/** Nobody is there to answer. */
export class NoTerminalError extends Error {
  override readonly name = 'NoTerminalError'
}

/**
 * Asks on standard error, since standard output is for results, and reads the answer from the terminal. Anything but y or
 * yes is a no, and so are Ctrl+C and Ctrl+D.
 *
 * @throws NoTerminalError that names `--yes`
 */
export async function ask(question: string): Promise<boolean> {
  return /^\s*y(es)?\s*$/i.test((await answerTo(`${question} [y/N]`, '--yes')) ?? '')
}

/**
 * The same for what must not be agreed to by habit: the answer has to be this very word.
 *
 * @param option what does without the question
 * @throws NoTerminalError that names the option
 */
export async function askForWord(question: string, word: string, option: string): Promise<boolean> {
  return (await answerTo(question, option))?.trim() === word
}

/** Undefined for Ctrl+C and Ctrl+D. */
async function answerTo(question: string, option: string): Promise<string | undefined> {
  if (!process.stdin.isTTY)
    throw new NoTerminalError(`"${question}" needs an answer, and there is no terminal to read it from: add ${option}`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const given = new AbortController()
  terminal.once('SIGINT', () => given.abort())
  terminal.once('close', () => given.abort())
  try {
    return await terminal.question(`${question} `, { signal: given.signal })
  } catch {
    process.stderr.write('\n')
    return undefined
  } finally {
    terminal.close()
  }
}
