import type { Command } from 'commander'
import { stringify } from 'yaml'
import type { State } from '../status/findings.ts'
import { gather } from '../status/gather.ts'
import { type Report, reportOf } from '../status/report.ts'
import { tableOf } from '../status/table.ts'
import { calledAs } from './called-as.ts'
import { colour } from './cluster/colour.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { onCluster } from './cluster/on-cluster.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { noDeployment } from './no-deployment.ts'
import type { StatusOptions } from './status.ts'
import { watchStatus } from './watch-status.ts'

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
export function inFormat(report: Report, { output, allNamespaces }: StatusOptions): string {
  if (output === 'json') return `${JSON.stringify(report, null, 2)}\n`
  if (output === 'yaml') return stringify(report, { lineWidth: 0, aliasDuplicateObjects: false })
  const paint = (state: State, text: string) => colour(COLOURS[state], text, process.stdout)
  return tableOf(report.deployments, { now: Date.now(), withNamespace: allNamespaces === true, paint })
}

const COLOURS = {
  Migrated: 'green',
  Running: 'cyan',
  Waiting: 'yellow',
  Failed: 'red',
  Interrupted: 'yellow',
  NotInjected: 'red',
} as const satisfies Record<State, Parameters<typeof colour>[0]>

export function nothingHere({ namespace }: Pick<ClusterConnection, 'namespace'>): string {
  const where = namespace === undefined ? 'in any namespace' : `in namespace ${namespace}`
  return `There is no Deployment with a migrate.io/ annotation ${where}.`
}
