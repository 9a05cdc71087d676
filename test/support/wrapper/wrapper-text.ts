import { readFileSync } from 'node:fs'

const SOURCE = new URL('../../../src/injection/wrapper.sh', import.meta.url)

/** Where the wrapper reads and writes, and its limits, in seconds. */
export interface Places {
  readonly files: string
  readonly state: string
  readonly message: string
  /** Says which start of its node this is. */
  readonly bootId: string
  readonly staleSeconds: number
  readonly unlabelledSeconds: number
  readonly killSeconds: number
}

/** The wrapper's clock, where a test turns it: a file of the seconds since the start of the machine. */
export interface Clock {
  readonly uptime?: string
}

const UPTIME = '/proc/uptime'

/** As the wrapper states them. */
export const IN_THE_POD: Places = {
  files: '/run/migrate.io',
  state: '/run/migrate.io-state',
  message: '/dev/migrate.io-message',
  bootId: '/proc/sys/kernel/random/boot_id',
  staleSeconds: 60,
  unlabelledSeconds: 5,
  killSeconds: 10,
}

const VARIABLES = {
  files: 'mio_files',
  state: 'mio_state',
  message: 'mio_message',
  bootId: 'mio_boot_id',
  staleSeconds: 'mio_stale_seconds',
  unlabelledSeconds: 'mio_unlabelled_seconds',
  killSeconds: 'mio_kill_seconds',
} as const satisfies Record<keyof Places, string>

/** Long enough to do something within, short enough to wait for. */
const SHORT = { staleSeconds: 2, unlabelledSeconds: IN_THE_POD.unlabelledSeconds, killSeconds: 1 }

/**
 * The wrapper, with other places and shorter limits.
 * @throws Error when one of them isn't assigned exactly once, on a line of its own, as in the pod
 */
export function wrapperText({
  uptime = UPTIME,
  ...places
}: Pick<Places, 'files' | 'state' | 'message'> & Partial<Places> & Clock): string {
  const here: Places = { ...SHORT, bootId: IN_THE_POD.bootId, ...places }
  const keys = Object.keys(VARIABLES) as (keyof Places)[]
  return keys.reduce((text, key) => {
    const line = `${VARIABLES[key]}=${IN_THE_POD[key]}`
    const lines = text.split('\n')
    const found = lines.filter((each) => each.startsWith(`${VARIABLES[key]}=`))
    if (found.length !== 1 || found[0] !== line) throw new Error(`wrapper.sh must have the line ${line} once`)
    return lines.map((each) => (each === line ? `${VARIABLES[key]}=${here[key]}` : each)).join('\n')
  }, withClock(uptime))
}

function withClock(uptime: string): string {
  const [before = '', after, ...more] = readFileSync(SOURCE, 'utf8').split(UPTIME)
  if (after === undefined || more.length > 0) throw new Error(`wrapper.sh must name ${UPTIME} once`)
  return `${before}${uptime}${after}`
}
