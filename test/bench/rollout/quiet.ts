import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const LOOK_MS = 1_000

/** How many cores are busy in this second, whoever keeps them so: what a measurement that comes next has to share. */
export async function busyCores(): Promise<number> {
  const [from, fromMs] = [busySeconds(), performance.now()]
  await pause(LOOK_MS)
  return (busySeconds() - from) / ((performance.now() - fromMs) / 1000)
}

const TICKS_PER_SECOND = 100 // USER_HZ, as in all of Linux' /proc

/** proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal. */
function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const [, , , idle = 0, ioWait = 0] = ticks
  return (ticks.reduce((sum, each) => sum + each, 0) - idle - ioWait) / TICKS_PER_SECOND
}
