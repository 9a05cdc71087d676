import { InvalidArgumentError } from 'commander'

const PORT_MAX = 65_535

export function port(text: string): number {
  return wholeNumber(text, PORT_MAX)
}

/** @throws InvalidArgumentError that says what is allowed */
export function wholeNumber(text: string, max: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= max) return Number(text)
  throw new InvalidArgumentError(`Must be a whole number from 0 to ${max}.`)
}
