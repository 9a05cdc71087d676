import { colour } from '../cluster/colour.ts'

/** For the person who looks on: standard output is for results. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function warn(text: string): void {
  say(`${colour('yellow', 'warning:', process.stderr)} ${text}`)
}
