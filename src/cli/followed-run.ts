import type { IncomingMessage } from 'node:http'
import { KubeError } from '../kube/api.ts'
import { type LogOptions, openPodLog } from '../kube/pod-log.ts'
import { INIT_CONTAINER } from '../names.ts'
import type { LogTarget } from '../status/log-target.ts'
import type { DeploymentStatus } from '../status/status.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { RunLog } from './run-log.ts'

/** Of a run that is over, whose log can't be had while all else can: its node may be gone for good. */
const MAX_FAILURES = 5

/** What is printed of one run, through all the streams that it takes. */
export class FollowedRun {
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
export function header({ pod, run, revision }: LogTarget, { deployment, revision: present }: DeploymentStatus): void {
  const other = present === undefined || present === revision ? '' : ` (the present one is ${present})`
  process.stderr.write(`==> ${deployment}, revision ${revision}${other}: run ${run} in pod ${pod} <==\n`)
}

/** @returns undefined where the pod is gone, or there is no such log */
export async function openRunLog(
  { transport }: ClusterConnection,
  { namespace }: DeploymentStatus,
  { pod: name, previous }: LogTarget,
  options: Partial<LogOptions> = {},
): Promise<IncomingMessage | undefined> {
  return openPodLog(transport, { namespace, name }, { container: INIT_CONTAINER, follow: false, ...options, previous })
}

export function noLog({ pod, run }: LogTarget): string {
  return `pod ${pod} has no log of run ${run} (any more): a pod that is gone takes it along`
}
