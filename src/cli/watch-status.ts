import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { Changes } from '../status/changes.ts'
import type { Report } from '../status/report.ts'
import { standsStill } from '../status/stands-still.ts'
import { lineOf } from '../status/table.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { Screen } from './screen.ts'
import { inFormat } from './show-status.ts'
import type { StatusOptions } from './status.ts'
import { UnlessAway } from './unless-away.ts'

const INTERVAL_MS = 2_000
/** Of the time, asking may take a tenth: large clusters are asked less often. */
const SHARE = 10

interface Watched {
  /** Undefined: all. */
  readonly deployment: string | undefined
  readonly options: StatusOptions
  readonly read: () => Promise<Report>
}

/** Shows the status again and again. Returns when the one Deployment that is watched is migrated, or nothing happens there. */
export async function watchStatus(command: Command, { deployment, options, read }: Watched): Promise<void> {
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
        command.error(`migrate-io status: there is no Deployment ${deployment}`, { exitCode: EXIT_REFUSED })
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
