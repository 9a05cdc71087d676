import type { ConfigMap, Metadata } from '../kube/objects.ts'
import { DEPLOYMENT_RECORD, FIELD_MANAGER, RECORD_LABEL } from '../names.ts'
import { originOf } from './config-map.ts'
import { MAX_RUN_NUMBER } from './grant.ts'

/** Which run holds the lock: it runs, or is about to. */
export interface Holder {
  /** First in the text: a waiting wrapper reads it out. */
  readonly pod: string
  readonly uid: string
  readonly revision: string
  readonly number: number
  readonly since: string
  /** The named lock that this run needs too, as `migrate.io/lock` said when the lock was taken; or UNKNOWN_LOCK. */
  readonly lock?: string
  /** Where it was found out from the pods: a number that makes the text differ from any that was written there by hand. */
  readonly settled?: number
}

export interface Completed {
  readonly pod: string
  readonly image: string
  /** As its node told it: with the digest, by which a tag that has moved is noticed. */
  readonly imageID?: string
  /** Of that node: digests are compared among equals only. */
  readonly platform?: string
  readonly started: string
  readonly seconds: number
  readonly number: number
}

export interface Failed {
  readonly count: number
  readonly exit: number
  /** Not before that time. */
  readonly next?: string
}

/** Lock and record of one Deployment. */
export interface LockRecord {
  /** The highest run number given out. */
  readonly number: number
  readonly holder: Holder | undefined
  /** The keys `completed.<revision>` and `failed.<revision>`, as they are. */
  readonly entries: Readonly<Record<string, string>>
}

export type RecordRead =
  /** Without the label of migrate.io's ConfigMaps: another writer's, never touched. */
  | { readonly kind: 'foreign' }
  /**
   * Somebody wrote into the lock itself: who holds it must be found out from the pods. The entries still count, except those
   * that were written along with it; none of a copy, which tells of another database or of another time.
   */
  | { readonly kind: 'edited'; readonly why: string; readonly entries: LockRecord['entries'] }
  | { readonly kind: 'record'; readonly record: LockRecord }

/**
 * A free lock says so: a holder that was removed by hand is no free lock. With the number, so that the text is never twice
 * the same and the API server notes who wrote it last. The wrapper takes any text without a pod as free.
 */
const FREE = 'free since run '
/**
 * Of a run that was found out from a pod whose grant names no lock: it may have been given any, since an earlier
 * version wrote none there, and what `migrate.io/lock` says by now is no witness. No lock can have this name.
 */
export const UNKNOWN_LOCK = '*'
/** Of a record that was just created: like one that was edited, since it is not known yet which run holds the lock. */
export const BLANK = { holder: 'not known yet' } as const
const DATE_MAX_MS = 8.64e15 // beyond it there is no Date, and what makes a text of one throws
const NAME_MAX_CHARACTERS = 253
/** A ReplicaSet beyond the history limit goes as soon as it is empty; its manifest may be applied again soon after. */
const KEPT_WITHOUT_REPLICA_SET = 20
const COMPLETED = 'completed.'
const FAILED = 'failed.'

/**
 * Reads a ConfigMap of the right name. Entries are the user's to add or take away; number and holder are not, since
 * they would no longer agree with the pods. A restore from a backup changes both.
 */
export function readRecord(configMap: ConfigMap): RecordRead {
  if (configMap.metadata.labels?.[RECORD_LABEL] !== DEPLOYMENT_RECORD) return { kind: 'foreign' }
  const data = configMap.data ?? {}
  const entries = Object.fromEntries(
    Object.entries(data).filter(([key]) => key.startsWith(COMPLETED) || key.startsWith(FAILED)),
  )
  if (originOf(configMap) === 'copy') return { kind: 'edited', why: 'it is a copy of another ConfigMap', entries: {} }
  const edited = (why: string): RecordRead => {
    const theirs = new Set(writtenByOthers(configMap.metadata, Object.keys(entries)))
    const kept = Object.entries(entries).filter(([key]) => !theirs.has(key))
    return { kind: 'edited', why, entries: Object.fromEntries(kept) }
  }
  const others = writtenByOthers(configMap.metadata, ['number', 'holder'])
  if (others.length > 0) return edited(`${others.join(' and ')} was written by another client`)
  // Only the controller wrote the lock, so what was added since it was created counts.
  if (data['holder'] === BLANK.holder) return { kind: 'edited', why: 'its holder is not known yet', entries }
  const number = parseCount(data['number'])
  if (number === undefined) return edited("number isn't a number")
  const holder = data['holder'] === FREE + number ? undefined : parseHolder(data['holder'])
  if (holder === 'unreadable') return edited('holder is unreadable')
  if (holder !== undefined && holder.number > number) return edited('holder has a higher run number than was given out')
  return { kind: 'record', record: { number, holder, entries } }
}

/** Whether this run may have a named lock. */
export function mayHave({ lock: own }: Pick<Holder, 'lock'>, lock: string): boolean {
  return own === lock || own === UNKNOWN_LOCK
}

/** The data of the ConfigMap. */
export function formatRecord({ number, holder, entries }: LockRecord): Record<string, string> {
  return { number: String(number), holder: holder === undefined ? FREE + number : formatHolder(holder), ...entries }
}

function formatHolder({ pod, uid, revision, number, since, lock, settled }: Holder): string {
  return JSON.stringify({ pod, uid, revision, number, since, lock, settled })
}

function parseHolder(text: string | undefined): Holder | 'unreadable' {
  const value = parseObject(text)
  const { pod, uid, revision, number, since, lock } = value ?? {}
  if (!isName(pod) || !isName(uid) || !isName(revision)) return 'unreadable'
  if (!isName(since) || typeof number !== 'number') return 'unreadable'
  if (!Number.isInteger(number) || number < 1 || number > MAX_RUN_NUMBER) return 'unreadable'
  if (lock !== undefined && !isName(lock)) return 'unreadable'
  return { pod, uid, revision, number, since, ...(lock === undefined ? {} : { lock }) }
}

/** A run number, or a turn of a named lock, as text; undefined where it is none. */
export function parseCount(text: string | undefined): number | undefined {
  return /^\d{1,15}$/.test(text ?? '') ? Number(text) : undefined
}

/** No longer than a name can be: an edited record must not fill the memory of those who read it. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NAME_MAX_CHARACTERS
}

/** A JSON mapping; undefined where it is none. */
export function parseObject(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Entries count also where the lock itself was edited; none where there is no record. */
export function entriesOf(read: RecordRead | undefined): LockRecord['entries'] {
  if (read === undefined || read.kind === 'foreign') return {}
  return read.kind === 'record' ? read.record.entries : read.entries
}

/** As the wrapper has it: any text counts, an empty one does not. */
export function isCompleted(record: Pick<LockRecord, 'entries'>, revision: string): boolean {
  return (record.entries[COMPLETED + revision] ?? '') !== ''
}

/** Undefined where there is no such entry, or it was written by hand in other words, or with an impossible time. */
export function completedOf(entries: LockRecord['entries'], revision: string): Completed | undefined {
  const completed = parseObject(entries[COMPLETED + revision]) ?? {}
  const { pod, image, started, seconds, number, imageID, platform } = completed
  if (typeof pod !== 'string' || typeof image !== 'string' || typeof started !== 'string') return undefined
  if (typeof seconds !== 'number' || typeof number !== 'number' || !Number.isFinite(number)) return undefined
  // `started` is empty where kubelet told no time.
  if (seconds < 0 || Math.abs((Date.parse(started) || 0) + seconds * 1000) > DATE_MAX_MS) return undefined
  return {
    ...{ pod, image, started, seconds, number },
    ...(typeof imageID === 'string' && { imageID }),
    ...(typeof platform === 'string' && { platform }),
  }
}

/** Undefined where it never failed, or the entry was made unreadable by hand, which starts the count again. */
export function failedOf(record: LockRecord, revision: string): Failed | undefined {
  const { count, exit, next } = parseObject(record.entries[FAILED + revision]) ?? {}
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) return undefined
  if (typeof exit !== 'number' || !Number.isFinite(exit)) return undefined
  return typeof next === 'string' ? { count, exit, next } : { count, exit }
}

/** The entries with this success, and without the failures before it. */
export function withCompleted(entries: LockRecord['entries'], revision: string, completed: Completed) {
  const { [FAILED + revision]: _, ...others } = entries
  const { pod, image, imageID, platform, started, seconds, number } = completed
  const text = JSON.stringify({ pod, image, imageID, platform, started, seconds, number })
  return { ...others, [COMPLETED + revision]: text }
}

export function withFailed(entries: LockRecord['entries'], revision: string, { count, exit, next }: Failed) {
  return { ...entries, [FAILED + revision]: JSON.stringify({ count, exit, next }) }
}

/** Which revision an entry is about. */
export function revisionOf(entry: string): string {
  return entry.slice(entry.indexOf('.') + 1)
}

/**
 * The entries without those of revisions whose ReplicaSets are long gone: of these, the ones with the highest run
 * numbers stay, so that the record stays small after any number of rollouts.
 * @param present the revisions that have a ReplicaSet
 */
export function prune(entries: LockRecord['entries'], present: ReadonlySet<string>): LockRecord['entries'] {
  const gone = Object.keys(entries)
    .filter((key) => !present.has(revisionOf(key)))
    .toSorted((a, b) => age(entries, b) - age(entries, a))
  const dropped = new Set(gone.slice(KEPT_WITHOUT_REPLICA_SET))
  return dropped.size === 0 ? entries : Object.fromEntries(Object.entries(entries).filter(([key]) => !dropped.has(key)))
}

/** Failures are the first to go. */
function age(entries: LockRecord['entries'], key: string): number {
  if (key.startsWith(FAILED)) return parseObject(entries[key]) === undefined ? -2 : -1
  return completedOf(entries, revisionOf(key))?.number ?? 0
}

/**
 * Which of these keys of a ConfigMap's data another field manager wrote last, by `kubectl edit` or from a backup. The API server
 * keeps track of that for every field; an object whose tracking was taken off tells nothing.
 */
export function writtenByOthers(metadata: Metadata, keys: readonly string[]): readonly string[] {
  const others = (metadata.managedFields ?? []).filter(({ manager }) => manager !== FIELD_MANAGER)
  return keys.filter((key) => others.some(({ fieldsV1 }) => fieldsV1?.['f:data']?.[`f:${key}`] !== undefined))
}
