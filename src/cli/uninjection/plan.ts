import type { InjectedDeployment } from '../../uninject/injected.ts'
import { type Migration, migrationOf } from '../../uninject/injected.ts'
import type { Survey } from '../../uninject/survey.ts'

/** `shop/flask`. */
export function nameOf({ key }: InjectedDeployment): string {
  return `${key.namespace}/${key.deployment}`
}

/** A line for each, in columns. */
export function listed({ injected, pods }: Pick<Survey, 'injected' | 'pods'>): readonly string[] {
  const rows = injected.map((each) => [
    nameOf(each),
    each.revision === undefined ? 'no revision yet' : `revision ${each.revision}`,
    counted(each.replicas, 'replica'),
    [inWords(migrationOf(each, pods)), each.isPaused ? 'paused' : ''].filter(Boolean).join('; '),
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function inWords(migration: Migration | undefined): string {
  if (migration === undefined) return ''
  if (migration.kind === 'waits') return `${counted(migration.pods, 'pod')} not migrated yet`
  return `a migration runs in pod ${migration.pod}${migration.since === undefined ? '' : ` since ${migration.since}`}`
}

/** What un-injecting does, a sentence each. @param unused how many of our ConfigMaps nothing will read again */
export function consequences({ injected }: Survey, unused: number): readonly string[] {
  if (injected.length === 0)
    return [`${counted(unused, 'lock ConfigMap')} of Deployments that are not injected any more will be deleted.`]
  return [
    'Un-injecting takes the migrate.io/ annotations and all that was injected off each of them, and strategy and deadline',
    'become what they were. Its pod template changes by that, so each rolls out anew, and from then on deploys without its',
    'migration. When the last old pod has gone, its lock ConfigMap with the record of what is migrated is deleted.',
  ]
}

/** What is special about some of them, a sentence each. */
export function warnings({ injected, pods }: Survey): readonly string[] {
  return injected.flatMap((each) => {
    const [name, migration] = [nameOf(each), migrationOf(each, pods)]
    return [
      migration?.kind === 'runs' &&
        `${name}: its migration runs: un-injecting ends it, and its app starts on the schema as it then is`,
      migration?.kind === 'waits' && `${name}: it is not migrated yet: its app starts on the schema as it is`,
      each.isPaused && `${name}: it is paused: its pods stay as they are until somebody resumes it`,
    ].filter((sentence) => sentence !== false && sentence !== undefined)
  })
}

/** `1 pod`, `2 pods`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
