import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import type { State } from '../status/findings.ts'
import { gather } from '../status/gather.ts'
import { lineOf, type Report, reportOf, tableOf } from '../status/report.ts'
import { Changes, standsStill } from '../status/status.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { type ClusterConnection, noDeployment, onCluster, UnlessAway } from './on-cluster.ts'
import { type ClusterOptions, calledAs } from './options.ts'
import { colour, Screen } from './terminal.ts'

const INTERVAL_MS = 2_000
/** Of the time, asking may take a tenth: large clusters are asked less often. */
const SHARE = 10

const COLOURS = {
  Migrated: 'green',
  Running: 'cyan',
  Waiting: 'yellow',
  Failed: 'red',
  Interrupted: 'yellow',
  NotInjected: 'red',
} as const satisfies Record<State, Parameters<typeof colour>[0]>

export interface StatusOptions extends ClusterOptions {
  readonly output: 'table' | 'json' | 'yaml'
  readonly watch?: true
}

/** Prints how migrations stand, once or until the user has seen enough. */
export async function showStatus(
  command: Command,
  deployment: string | undefined,
  options: StatusOptions,
): Promise<void> {
  await onCluster(command, options, async (cluster) => {
    const scope = { namespace: cluster.namespace, deployment }
    const read = async () => reportOf(await gather(cluster, scope, Date.now()), scope, calledAs())
    if (options.watch === true) return watchStatus(command, { deployment, options, read })
    const report = await read()
    if (report.deployments.length > 0 || options.output !== 'table') process.stdout.write(inFormat(report, options))
    if (report.deployments.length > 0) return
    if (deployment !== undefined) command.error(noDeployment(command, deployment, cluster), { exitCode: EXIT_REFUSED })
    process.stderr.write(`${nothingHere(cluster)}\n`)
  })
}

/** The report as the user wants it, with a line's end. */
function inFormat(report: Report, { output, allNamespaces }: StatusOptions): string {
  if (output === 'json') return `${JSON.stringify(report, null, 2)}\n`
  if (output === 'yaml') return stringify(report, { lineWidth: 0, aliasDuplicateObjects: false })
  const paint = (state: State, text: string) => colour(COLOURS[state], text, process.stdout)
  return tableOf(report.deployments, { now: Date.now(), withNamespace: allNamespaces === true, paint })
}

function nothingHere({ namespace }: Pick<ClusterConnection, 'namespace'>): string {
  const where = namespace === undefined ? 'in any namespace' : `in namespace ${namespace}`
  return `No Deployment ${where} has a migrate.io/ annotation.`
}

interface Watched {
  /** Undefined: all. */
  readonly deployment: string | undefined
  readonly options: StatusOptions
  readonly read: () => Promise<Report>
}

/** Shows the status again and again. Returns when the one Deployment that is watched is migrated, or nothing happens there. */
async function watchStatus(command: Command, { deployment, options, read }: Watched): Promise<void> {
  const isRedrawn = options.output === 'table' && process.stdout.isTTY === true
  const screen = new Screen(process.stdout)
  const changes = new Changes()
  const away = new UnlessAway()
  for (;;) {
    const from = performance.now()
    const report = await away.try(read)
    if (report !== undefined) {
      const isOver = deployment !== undefined && report.deployments.every(isSettled)
      if (!isRedrawn) tellChanges(report, options, changes)
      else if (isOver) screen.leave(inFormat(report, options))
      else screen.show(inFormat(report, options))
      if (deployment !== undefined && report.deployments.length === 0)
        command.error(`migrate-io status: no Deployment ${deployment}`, { exitCode: EXIT_REFUSED })
      if (isOver) {
        if (report.deployments.some(standsStill)) process.exitCode = EXIT_REFUSED
        return
      }
    }
    await setTimeout(Math.max(INTERVAL_MS, (performance.now() - from) * SHARE))
  }
}

function isSettled(status: Report['deployments'][number]): boolean {
  return status.state === 'Migrated' || standsStill(status)
}

function tellChanges(report: Report, options: StatusOptions, changes: Changes): void {
  const news = changes.of(report.deployments)
  if (options.output === 'table')
    for (const status of news) process.stdout.write(`${new Date().toISOString()}   ${lineOf(status)}\n`)
  else if (news.length > 0)
    process.stdout.write(`${options.output === 'yaml' ? '---\n' : ''}${inFormat(report, options)}`)
}
