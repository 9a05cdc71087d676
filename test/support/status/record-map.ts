import { formatRecord, withCompleted, withFailed } from '../../../src/lock/record.ts'
import { lockConfigMapName } from '../../../src/names.ts'

interface Options {
  readonly number: number
  /** Revisions. */
  readonly completed?: readonly string[]
  readonly failed?: { readonly revision: string; readonly count: number; readonly exit: number; readonly next?: string }
  readonly holder?:
    | { readonly pod: string; readonly uid: string; readonly revision: string; readonly lock?: string }
    | undefined
}

/** Lock and record of a Deployment as the controller writes them, to be sent with its field manager. */
export function recordMap(
  { metadata: { name, uid } }: { readonly metadata: { readonly name: string; readonly uid: string } },
  { number, completed = [], failed, holder }: Options,
) {
  let entries: Readonly<Record<string, string>> = {}
  const started = new Date(Date.now() - 60_000).toISOString()
  for (const revision of completed)
    entries = withCompleted(entries, revision, { pod: `${name}-1`, image: 'app:1', started, seconds: 12, number })
  if (failed !== undefined) entries = withFailed(entries, failed.revision, failed)
  const held = holder === undefined ? undefined : { ...holder, number, since: started }
  return {
    metadata: {
      name: lockConfigMapName(name),
      labels: { 'migrate.io/record': 'deployment' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid }],
    },
    data: formatRecord({ number, holder: held, entries }),
  }
}
