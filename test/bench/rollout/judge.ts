import type { Database } from '../../support/node/postgres.ts'

/** One migration as it wrote itself down; times by the database's clock, in milliseconds since 1970. */
export interface Run {
  readonly pod: string
  readonly startedMs: number
  /** undefined where it never came to its end. */
  readonly endedMs: number | undefined
}

/** An app's container began. */
export interface AppStart {
  readonly pod: string
  readonly atMs: number
}

/** What the database knows of one rollout. */
export interface Verdict {
  readonly runs: readonly Run[]
  readonly starts: readonly AppStart[]
}

// For a shell, with the pod's name in the variable POD.
export const INSERT_RUN = "insert into runs (pod) values ('$POD') returning id"
export const INSERT_START = "insert into starts (pod) values ('$POD')"

export function updateRun(id: string): string {
  return `update runs set ended = clock_timestamp() where id = ${id}`
}

export async function prepareJudge(database: Database): Promise<void> {
  const at = 'timestamptz not null default clock_timestamp()'
  await database.execute(
    `create table runs (id serial primary key, pod text not null, started ${at}, ended timestamptz);
     create table starts (pod text not null, at ${at})`,
  )
}

/**
 * Of the pods of these owners, which are ReplicaSets and Jobs: the name of a pod is that of its owner and five characters.
 */
export async function judge(database: Database, owners: readonly string[]): Promise<Verdict> {
  const names = owners.map((name) => `'${name}'`).join(', ')
  const which = `where regexp_replace(pod, '-[^-]+$', '') in (${names})`
  const runs = await database.query<{ pod: string; started: string; ended: string | null }>(
    `select pod, started, ended from runs ${which} order by id`,
  )
  const starts = await database.query<{ pod: string; at: string }>(`select pod, at from starts ${which} order by at`)
  return {
    runs: runs.map(({ pod, started, ended }) => ({
      pod,
      startedMs: Date.parse(started),
      endedMs: ended === null ? undefined : Date.parse(ended),
    })),
    starts: starts.map(({ pod, at }) => ({ pod, atMs: Date.parse(at) })),
  }
}

/** The most runs that some moment was common to; one that never ended counts as still running. */
export function mostAtOnce(runs: readonly Run[]): number {
  const isDuring = (atMs: number, { startedMs, endedMs = Infinity }: Run) => startedMs <= atMs && atMs < endedMs
  return Math.max(0, ...runs.map(({ startedMs }) => runs.filter((run) => isDuring(startedMs, run)).length))
}

export function failedRuns(runs: readonly Run[]): number {
  return runs.filter(({ endedMs }) => endedMs === undefined).length
}

/** Apps that began before any run of the rollout had come to its end. */
export function earlyStarts({ runs, starts }: Verdict): readonly AppStart[] {
  const first = Math.min(...runs.map(({ endedMs = Infinity }) => endedMs))
  return starts.filter(({ atMs }) => atMs < first)
}
