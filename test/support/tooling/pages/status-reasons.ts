import { SENTENCES } from '../../../../src/status/sentences.ts'
import { type DeploymentStatus, deploymentStatusOf } from '../../../../src/status/status.ts'
import { CASES } from '../../status/cases.ts'
import { code, table, withCode } from './markdown.ts'

/** Where in the sentences code begins: a command of the user's, to the end of the line. */
const COMMAND = /(?<=: )((?:kubectl|migrate-io) .*)$/

/**
 * What `status` says, taken from the situations that its tests set up: each reason in a state with the sentences of the
 * first such situation.
 * @throws Error where a reason of the source has no tested situation
 */
export function statusReasons(): string {
  const seen = new Map<string, DeploymentStatus>()
  for (const [, situation] of CASES) {
    const status = deploymentStatusOf(situation, 'migrate-io')
    const key = `${status.state} ${status.reason}`
    if (!seen.has(key)) seen.set(key, status)
  }
  const statuses = [...seen.values()]
  const untold = Object.keys(SENTENCES).filter((reason) => !statuses.some((status) => status.reason === reason))
  if (untold.length > 0)
    throw new Error(`test/support/status/cases.ts has no situation for ${untold.join(', ')}: add one`)
  const rows = statuses
    .toSorted((a, b) => (a.state < b.state ? -1 : a.state > b.state ? 1 : 0))
    .map(({ state, reason, why, whatToDo }) => [state, code(reason), withCode(why), whatToDo.map(quoted).join('\n')])
  return table(['state', 'reason', 'why, for example', 'what to do, for example'], rows)
}

function quoted(line: string): string {
  return withCode(line.replace(COMMAND, '`$1`'))
}
