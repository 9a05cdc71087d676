// An UPDATE with two objects of 1.4 MiB that are nothing but short environment variables counts some 340,000. At some 140 bytes
// a value in memory, 7 MiB of `[],[],…` would otherwise go beyond the pod's 256 MiB.
const MAX_VALUES = 400_000

// A key that occurs once costs V8 a hidden class, some 300 bytes more. Keys repeat in every real object but for the names in
// managedFields: one for each environment variable, say.
const MAX_DIFFERENT_KEYS = 30_000
const KEY_BUCKETS = 2 ** 17 // keys are told apart by a hash of that size: some pass as equal, which only lets more in
const HASHED_BYTES = 64 // of a key; longer ones are few for their length

// Kubernetes' own decoder stops at 10,000; no Deployment is deeper than some tens.
const MAX_DEPTH = 1_000

const BYTE = { quote: 0x22, comma: 0x2c, openBracket: 0x5b, backslash: 0x5c, openBrace: 0x7b, colon: 0x3a } as const

/** Whether JSON text holds more values, or more different keys, than any real review. In one pass, without parsing it. */
export function hasTooManyValues(text: Uint8Array): boolean {
  const seenKeys = new Uint8Array(KEY_BUCKETS)
  let values = 0
  let keys = 0
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (byte === BYTE.quote) {
      const { end, hash } = passString(text, at + 1)
      at = end
      while (isSpace(text[at + 1])) at++
      if (text[at + 1] !== BYTE.colon || seenKeys[hash] === 1) continue
      seenKeys[hash] = 1
      if (++keys > MAX_DIFFERENT_KEYS) return true
    } else if (byte === BYTE.comma || byte === BYTE.openBracket || byte === BYTE.openBrace) {
      if (++values > MAX_VALUES) return true
    }
  }
  return false
}

/** From the first byte of a string to its closing quote, and a bucket for how it begins. */
function passString(text: Uint8Array, start: number): { end: number; hash: number } {
  let hash = 0
  let at = start
  for (const hashed = start + HASHED_BYTES; at < hashed && at < text.length && text[at] !== BYTE.quote; at++) {
    if (text[at] === BYTE.backslash) at++
    hash = (Math.imul(hash, 31) + (text[at] ?? 0)) | 0
  }
  return { end: closingQuote(text, at), hash: (hash ^ (hash >>> 15)) & (KEY_BUCKETS - 1) }
}

/** The next quote that no backslash makes part of the string; `from` is not behind an open backslash. */
function closingQuote(text: Uint8Array, from: number): number {
  for (let at = from; ; at++) {
    at = text.indexOf(BYTE.quote, at)
    if (at === -1) return text.length
    let backslashes = 0
    while (at - backslashes > from && text[at - backslashes - 1] === BYTE.backslash) backslashes++
    if (backslashes % 2 === 0) return at
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Whether parsed JSON is nested deeper than recursive code can follow. Without recursion itself. */
export function isTooDeep(json: unknown): boolean {
  let level: unknown[] = [json]
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
    if (level.length === 0) return false
  }
  return true
}
