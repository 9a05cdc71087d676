import { setTimeout } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import type { Command } from 'commander'
import { KubeError } from '../kube/api.ts'
import { Changes } from '../status/changes.ts'
import type { Report } from '../status/report.ts'
import type { DeploymentStatus } from '../status/status.ts'
import { lineOf } from '../status/table.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { inFormat } from './show-status.ts'
import type { StatusOptions } from './status.ts'

const INTERVAL_MS = 2_000
/** Of the time, asking may take a tenth: large clusters are asked less often. */
const SHARE = 10

const ROWS_DEFAULT = 24
const COLUMNS_DEFAULT = 80

interface Watched {
  /** Undefined: all. */
  readonly deployment: string | undefined
  readonly options: StatusOptions
  readonly read: () => Promise<Report>
}

/** Shows the status again and again. Returns when the one Deployment that is watched is migrated or given up. */
export async function watchStatus(command: Command, { deployment, options, read }: Watched): Promise<void> {
  const isRedrawn = options.output === 'table' && process.stdout.isTTY === true
  const changes = new Changes()
  for (;;) {
    const from = performance.now()
    const report = await unlessAway(read)
    if (report !== undefined) {
      if (isRedrawn) redraw(inFormat(report, options))
      else tellChanges(report, options, changes)
      const [one] = report.deployments
      if (deployment !== undefined && one === undefined)
        command.error(`migrate-io status: there is no Deployment ${deployment}`, { exitCode: EXIT_REFUSED })
      if (deployment !== undefined && report.deployments.every(isOver)) {
        if (report.deployments.some(({ state }) => state !== 'Migrated')) process.exitCode = EXIT_REFUSED
        return
      }
    }
    await setTimeout(Math.max(INTERVAL_MS, (performance.now() - from) * SHARE))
  }
}

function isOver({ state, reason }: DeploymentStatus): boolean {
  return state === 'Migrated' || state === 'NotInjected' || reason === 'gave-up'
}

/** An API server that is away for a while does not end it. */
async function unlessAway(read: () => Promise<Report>): Promise<Report | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'unavailable') throw error
    process.stderr.write(`${error.message}; asking again\n`)
    return undefined
  }
}

/** From the top left corner, each line to its end, and what was below is cleared: without a flicker. */
function redraw(text: string): void {
  // A terminal that was told no size says 0.
  const rows = process.stdout.rows || ROWS_DEFAULT
  const columns = process.stdout.columns || COLUMNS_DEFAULT
  const lines = text.trimEnd().split('\n')
  const fitting: string[] = []
  let height = 1 // for the cursor
  for (const line of lines) {
    height += Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns))
    if (height > rows) break
    fitting.push(line)
  }
  process.stdout.write(`\u001b[H${fitting.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`)
}

function tellChanges(report: Report, options: StatusOptions, changes: Changes): void {
  const news = changes.of(report.deployments)
  if (options.output === 'table')
    for (const status of news) process.stdout.write(`${new Date().toISOString()}   ${lineOf(status)}\n`)
  else if (news.length > 0)
    process.stdout.write(`${options.output === 'yaml' ? '---\n' : ''}${inFormat(report, options)}`)
}
