const NUMBER = /^[1-9]\d*$/

/**
 * Whether the one resourceVersion is older than, or the same as, the other. They are opaque in principle; where both are
 * decimal numbers their order is that of the writes (KEP-5504, and each API server so far). Other ones are never called
 * old: taking an old state in is mended by the next list, and leaving a new one out may not be.
 */
export function isNotNewer(version: string, than: string): boolean {
  if (version === than) return true
  if (!NUMBER.test(version) || !NUMBER.test(than)) return false
  return version.length === than.length ? version < than : version.length < than.length
}
