import { INJECTION_REASONS } from '../../../../src/injection/reasons.ts'
import { INTERRUPTIONS, PROBLEMS, WAIT_KINDS } from '../../../../src/lock/reasons.ts'
import type { Generated } from '../generated.ts'
import { code, page, sentence, table } from './markdown.ts'
import { statusReasons } from './status-reasons.ts'

/** Every reason that the program gives, by its key. */
export function reasonsPage(): Generated {
  return page(
    'reasons',
    'the tables of reasons in src/injection, src/lock and src/status',
    '# Reasons',
    'A key is the same wherever it is met: label of a metric, field of a log line, output of a command.',
    '## Why a Deployment is as it is',
    'Of `migrate-io status`: `state` and `reason` with `-o json`; the sentences without. The Deployment in these examples is `web` in namespace `shop`.',
    statusReasons(),
    '## Why something was injected, left alone or refused',
    'Of the webhook, `migrate-io explain`, and `migrate_io_admission_requests_total{reason}`.',
    reasonTable(INJECTION_REASONS),
    '## Why nothing is granted for now',
    "Of the controller's log and `migrate_io_waiting_pods{reason}`.",
    reasonTable(WAIT_KINDS),
    '## What is for somebody to mend',
    "Of the controller's log and `migrate_io_problems_total{reason}`; most are [Events](events.md) too.",
    reasonTable(PROBLEMS),
    '## Why the end of a run is unknown',
    "Of the controller's log and the Event `MigrationInterrupted`.",
    reasonTable(INTERRUPTIONS),
  )
}

function reasonTable(reasons: Readonly<Record<string, string>>): string {
  return table(
    ['reason', 'what it means'],
    Object.entries(reasons).map(([key, text]) => [code(key), sentence(text)]),
  )
}
