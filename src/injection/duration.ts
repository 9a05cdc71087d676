const MAX_SECONDS = 168 * 3600 // a week: a migration that needs more wants another tool
const FORM = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/

export const DURATION_ALLOWED = 'whole hours, minutes and seconds such as 90s, 30m, 2h or 1h30m, from 1s to 168h'

/** Reads `90s`, `30m`, `2h`, `1h30m` as seconds; undefined where it is no such duration. */
export function parseDuration(text: string): number | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const seconds = Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)
  return seconds >= 1 && seconds <= MAX_SECONDS ? seconds : undefined
}
