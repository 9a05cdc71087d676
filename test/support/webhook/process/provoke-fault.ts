/** Preloaded into the webhook: a call that asks for it fails with a message that quotes what was sent, as V8's own do. */
const { parse, stringify } = JSON
let isProvoked = false

JSON.parse = (text: string, ...rest: []) => {
  isProvoked ||= text.includes('example.com/provoke')
  return parse(text, ...rest)
}

JSON.stringify = (value: unknown, ...rest: []) => {
  const text = stringify(value, ...rest)
  const isPatch =
    Array.isArray(value) && value.some((each) => typeof each === 'object' && each !== null && 'op' in each)
  if (!isPatch || !isProvoked) return text
  isProvoked = false
  throw new TypeError(`Cannot use 'in' operator to search for 'x' in ${text} canary`)
}
