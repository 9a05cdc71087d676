import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { KubeError } from '../kube/api.ts'
import { type LogOptions, openPodLog } from '../kube/pod-log.ts'
import { INIT_CONTAINER } from '../names.ts'
import { type LogTarget, logTarget } from '../status/log-target.ts'
import { Changes, type DeploymentStatus, standsStill } from '../status/status.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { type ClusterConnection, onCluster, readOne, UnlessAway } from './on-cluster.ts'
import type { ClusterOptions } from './options.ts'

const LOOK_AGAIN_MS = 1_000
/** Of a run that is over, whose log can't be had while all else can: its node may be gone for good. */
const MAX_FAILURES = 5
/** What kubelet puts before each line when it is asked for timestamps: RFC 3339 with up to nine digits of a second. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d) /

export interface LogsOptions extends ClusterOptions {
  readonly follow?: true
}

/** Prints the output of the present revision's run; follows it and those after it where that is asked for. */
export async function showLogs(command: Command, deployment: string, options: LogsOptions): Promise<void> {
  await onCluster(command, options, (cluster) =>
    options.follow === true ? follow(command, cluster, deployment) : printOnce(command, cluster, deployment),
  )
}

async function printOnce(command: Command, cluster: ClusterConnection, deployment: string): Promise<void> {
  const { situation, status } = await readOne(command, cluster, deployment)
  const target = logTarget(situation)
  if (target === undefined) return refuse(command, nothingYet(status))
  const log = await openRunLog(cluster, status, target)
  header(target, status)
  if (log === undefined) return refuse(command, noLog(target))
  try {
    await pipeline(log, process.stdout, { end: false })
  } catch (error) {
    throw KubeError.of(error)
  }
}

/** Looks again and again: a run is done with only when its end was seen, whatever became of the stream of its log. */
async function follow(command: Command, cluster: ClusterConnection, deployment: string): Promise<void> {
  const away = new UnlessAway()
  const logAway = new UnlessAway()
  const changes = new Changes()
  const done = new Set<string>()
  let current: FollowedRun | undefined
  for (;;) {
    const seen = await away.try(() => readOne(command, cluster, deployment))
    const target = seen === undefined ? undefined : logTarget(seen.situation)
    if (seen !== undefined) {
      const { status } = seen
      const key = target === undefined ? '' : `${target.pod} ${target.run}`
      if (target !== undefined && !done.has(key)) {
        if (current?.key !== key) current = new FollowedRun(key, cluster, status)
        const run = current
        const end = await logAway.try(() => run.print(target))
        if (end === 'over' || (end === undefined && !target.isUnderWay && run.isBeyondReach())) done.add(key)
      } else {
        if (status.state === 'Migrated') return
        if (standsStill(status)) return refuse(command, status.why)
        if (changes.of([status]).length > 0 && status.state !== 'Running')
          process.stderr.write(`${status.state}: ${status.why}\n`)
      }
    }
    await setTimeout(LOOK_AGAIN_MS)
  }
}

function nothingYet({ revision, why }: DeploymentStatus): string {
  return `${revision === undefined ? 'nothing' : `no pod of revision ${revision}`} has run the migration yet. ${why}`
}

function refuse(command: Command, text: string): void {
  command.error(`migrate-io logs: ${text}`, { exitCode: EXIT_REFUSED })
}

/** What is printed of one run, through all the streams that it takes. */
class FollowedRun {
  readonly key: string
  readonly #cluster: ClusterConnection
  readonly #status: DeploymentStatus
  readonly #log = new RunLog(process.stdout)
  #isTold = false
  /** The next stream is not to be waited on: the last one ended, so the container probably has. */
  #isProbe = false
  #failures = 0

  constructor(key: string, cluster: ClusterConnection, status: DeploymentStatus) {
    this.key = key
    this.#cluster = cluster
    this.#status = status
  }

  /**
   * Prints what there is, and what comes.
   * @returns `over` where the run had ended before, so that nothing more comes. Throws KubeError.
   */
  async print(target: LogTarget): Promise<'over' | 'under-way'> {
    const follow = target.isUnderWay && !this.#isProbe
    const log = await openRunLog(this.#cluster, this.#status, target, {
      follow,
      timestamps: true,
      since: this.#log.since,
    })
    if (log === undefined) {
      if (!target.isUnderWay && !this.#isTold) process.stderr.write(`migrate-io logs: ${noLog(target)}\n`)
      return target.isUnderWay ? 'under-way' : 'over'
    }
    if (!this.#isTold) header(target, this.#status)
    this.#isTold = true
    try {
      const lines = await this.#log.print(log, !target.isUnderWay)
      this.#isProbe = follow || lines === 0
    } catch (error) {
      throw KubeError.of(error)
    }
    return target.isUnderWay ? 'under-way' : 'over'
  }

  /** To be asked after each failure to get the log of a run that is over. */
  isBeyondReach(): boolean {
    return ++this.#failures >= MAX_FAILURES
  }
}

/** Says whose output follows, on standard error. */
function header({ pod, run, revision }: LogTarget, { deployment, revision: present }: DeploymentStatus): void {
  const other = present === undefined || present === revision ? '' : ` (the present one is ${present})`
  process.stderr.write(`==> ${deployment}, revision ${revision}${other}: run ${run} in pod ${pod} <==\n`)
}

/** @returns undefined where the pod is gone, or there is no such log */
async function openRunLog(
  { transport }: ClusterConnection,
  { namespace }: DeploymentStatus,
  { pod: name, previous }: LogTarget,
  options: Partial<LogOptions> = {},
): Promise<IncomingMessage | undefined> {
  return openPodLog(transport, { namespace, name }, { container: INIT_CONTAINER, follow: false, ...options, previous })
}

function noLog({ pod, run }: LogTarget): string {
  return `pod ${pod} has no log of run ${run} (any longer): a deleted pod takes its log with it`
}

/** Of the whole second in which a line was written, and its place in it. */
interface LineTime {
  readonly text: string
  readonly ns: bigint
}

/**
 * Prints the log of one run, of which the stream may end early and be opened anew: each line once. The log is to be asked
 * for with timestamps, and from `since` on.
 */
export class RunLog {
  readonly #output: Writable
  /** When the last line was written that was printed, and how many with just that time were. */
  #last: LineTime | undefined
  #sameTime = 0

  constructor(output: Writable) {
    this.#output = output
  }

  /** From when on to ask; undefined: from the beginning. Kubernetes takes whole seconds, so some lines come again. */
  get since(): string | undefined {
    return this.#last?.text
  }

  /**
   * @param isAll whether the stream ends where the log does: then what stands after the last line's end is printed too.
   * Else that comes again in full.
   * @returns how many lines were new. Throws what broke the stream.
   */
  async print(stream: AsyncIterable<Uint8Array>, isAll: boolean): Promise<number> {
    const known = { last: this.#last, left: this.#sameTime }
    let printed = 0
    let rest = ''
    const line = async (text: string) => {
      const time = timeOf(text)
      if (time !== undefined && known.last !== undefined) {
        if (time.ns < known.last.ns) return
        if (time.ns === known.last.ns && known.left-- > 0) return
      }
      this.#note(time)
      printed++
      await this.#write(text.replace(TIMESTAMP, ''))
    }
    for await (const chunk of stream) {
      // As Latin-1: whatever the command wrote comes out byte for byte.
      const lines = (rest + Buffer.from(chunk).toString('latin1')).split(/(?<=\n)/)
      rest = lines.at(-1)?.endsWith('\n') === true ? '' : (lines.pop() ?? '')
      for (const each of lines) await line(each)
    }
    if (isAll && rest !== '') await line(rest)
    return printed
  }

  #note(time: LineTime | undefined): void {
    if (time === undefined) return
    this.#sameTime = time.ns === this.#last?.ns ? this.#sameTime + 1 : 1
    this.#last = time
  }

  async #write(text: string): Promise<void> {
    if (!this.#output.write(Buffer.from(text, 'latin1'))) await once(this.#output, 'drain')
  }
}

function timeOf(line: string): LineTime | undefined {
  const [, seconds = '', fraction = '', zone = ''] = TIMESTAMP.exec(line) ?? []
  const ms = Date.parse(seconds + zone)
  if (Number.isNaN(ms)) return undefined
  const ns = BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return { text: new Date(ms).toISOString().replace('.000Z', 'Z'), ns }
}
