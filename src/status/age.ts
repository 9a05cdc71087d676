const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS

/**
 * A span of time as kubectl prints it: two units where the first is small, else one.
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/util/duration/duration.go (HumanDuration)
 */
export function span(ms: number): string {
  if (ms < 0) return '0s'
  const whole = (unit: number) => Math.floor(ms / unit)
  const rest = (unit: number, within: number, letter: string) => {
    const count = Math.floor((ms % within) / unit)
    return count === 0 ? '' : `${count}${letter}`
  }
  if (ms < 2 * MINUTE_MS) return `${whole(SECOND_MS)}s`
  if (ms < 10 * MINUTE_MS) return `${whole(MINUTE_MS)}m${rest(SECOND_MS, MINUTE_MS, 's')}`
  if (ms < 3 * HOUR_MS) return `${whole(MINUTE_MS)}m`
  if (ms < 8 * HOUR_MS) return `${whole(HOUR_MS)}h${rest(MINUTE_MS, HOUR_MS, 'm')}`
  if (ms < 2 * DAY_MS) return `${whole(HOUR_MS)}h`
  if (ms < 8 * DAY_MS) return `${whole(DAY_MS)}d${rest(HOUR_MS, DAY_MS, 'h')}`
  if (ms < 2 * YEAR_MS) return `${whole(DAY_MS)}d`
  if (ms < 8 * YEAR_MS) return `${whole(YEAR_MS)}y${rest(DAY_MS, YEAR_MS, 'd')}`
  return `${whole(YEAR_MS)}y`
}
