import { EVENT_REASONS } from '../../../../src/controller/events.ts'
import type { Generated } from '../generated.ts'
import { ADVICE } from './advice.ts'
import { code, page, sentence, table } from './markdown.ts'

/** The Events that the controller writes on Deployments. */
export function eventsPage(): Generated {
  const reasons = Object.keys(EVENT_REASONS) as (keyof typeof EVENT_REASONS)[]
  const rows = reasons.map((reason) => {
    const { type, means } = EVENT_REASONS[reason]
    return [code(reason), type, sentence(means), ADVICE[reason]]
  })
  return page(
    'events',
    'src/controller/events.ts and test/support/tooling/pages/advice.ts',
    '# Events',
    'The controller writes them on the Deployment:',
    `\`\`\`sh
kubectl -n shop describe deployment web
kubectl get events --field-selector reason=MigrationFailed -A
\`\`\``,
    table(['reason', 'type', 'what it means', 'what to do'], rows),
    `Their text names pods, revisions and run numbers, and never what a command or its environment says. What is the same again
within 6 minutes is counted on one Event. A revision's skipping is told once, however many pods skip. What lasts, such as
waiting, is told within about half a minute, and again after half an hour. The API server keeps Events for an hour unless it is set
otherwise; the record and \`migrate-io status\` stay.`,
  )
}
