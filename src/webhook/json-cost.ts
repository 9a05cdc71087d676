// Two objects of etcd's 1.5 MiB, made of managedFields only (8 bytes a value), hold some 400,000. At up to 140 bytes a value
// in memory, 7 MiB of `[],[],…` would otherwise grow to over 200 MiB.
const MAX_VALUES = 500_000

// Kubernetes' own decoder stops at 10,000; no Deployment is deeper than some tens.
const MAX_DEPTH = 1_000

const BYTE = { quote: 0x22, comma: 0x2c, openBracket: 0x5b, backslash: 0x5c, openBrace: 0x7b } as const

/** Whether JSON text holds more values than any real review. Counts openings and commas outside of strings. */
export function hasTooManyValues(text: Uint8Array): boolean {
  let values = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (inString) {
      if (byte === BYTE.backslash) at++
      else if (byte === BYTE.quote) inString = false
    } else if (byte === BYTE.quote) inString = true
    else if (byte === BYTE.comma || byte === BYTE.openBracket || byte === BYTE.openBrace) {
      if (++values > MAX_VALUES) return true
    }
  }
  return false
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
