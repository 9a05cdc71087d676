import type { Api } from '../kube/api.ts'
import { type Clock, pause } from '../kube/clock.ts'
import type { Announcement } from '../kube/event-recorder.ts'
import type { Transport } from '../kube/transport.ts'
import { type Key, keyText, parseKey } from '../lock/key.ts'
import type { StatusReason } from '../status/findings.ts'
import { gather } from '../status/gather.ts'
import type { Situation } from '../status/situation.ts'
import { type DeploymentStatus, deploymentStatusOf } from '../status/status.ts'
import { announcement, type EventReason } from './events.ts'
import { REPEAT_EVENT_MS } from './reporter.ts'

/** The name of the program in what an Event advises. */
const PROGRAM = 'migrate-io'
const EVERY_MS = 20_000
/**
 * A namespace that takes long to read, by what was created there, is read as much more seldom: it must not take up the API
 * server, this process, or the others' turn. One that can't be read is tried again as soon as any other.
 */
const SHARE = 20
const AT_LEAST_EVERY_MS = 600_000
/** Most rollouts get on within it, and need no Event about why they did not yet. */
const PATIENCE_MS = 15_000

const DEADLINE =
  'The rollout takes longer than spec.progressDeadlineSeconds, so Kubernetes reports it as failed; that does not stop the migration.'

/**
 * For which reasons a rollout counts as stuck where they last, and which Event says so. All else is told when it happens, is about
 * to pass by itself, or is what the user asked for.
 */
export const STUCK_REASONS: { readonly [R in StatusReason]?: EventReason } = {
  'node-lost': 'RunnerNodeLost',
  'runner-ends': 'MigrationWaiting',
  'not-started': 'MigrationWaiting',
  'older-revision': 'MigrationWaiting',
  'lock-busy': 'MigrationWaiting',
  'lock-unsettled': 'MigrationWaiting',
  unschedulable: 'MigrationWaiting',
  'image-pull': 'MigrationWaiting',
  'earlier-container': 'MigrationWaiting',
  'earlier-container-fails': 'MigrationWaiting',
  'cannot-start': 'MigrationWaiting',
  'cannot-note': 'MigrationWaiting',
  'no-shell': 'ImageLacksShell',
  'no-sleep': 'ImageLacksShell',
}

interface StuckRolloutsOptions {
  readonly cluster: { readonly transport: Transport; readonly api: Api }
  /** This controller, which leads: no Lease needs to be read. */
  readonly leader: { readonly leader: string; readonly namespace: string }
  /** Locks with pending pods, as `namespace/deployment`. */
  readonly pending: () => readonly string[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly clock: Clock
  readonly publish: (announcement: Announcement, key: Key) => void
  /** Why Deployments have been waiting for a while, one for each; after each round. */
  readonly onStuck: (reasons: readonly string[]) => void
  readonly onFailure: (error: unknown) => void
}

/** How long a namespace took the last time. */
interface Survey {
  readonly ms: number
  readonly endedAtMs: number
  /** False where it failed. */
  readonly isKnown: boolean
}

interface StuckRollouts {
  start(): void
  /** Resolves when it has stopped asking. */
  stop(): Promise<void>
}

/**
 * Tells people why a rollout has not got on for a while, by the same judgement as `migrate-io status`. It only reads: the
 * lock does not rest on it.
 */
export function createStuckRollouts(options: StuckRolloutsOptions): StuckRollouts {
  const { cluster, leader, pending, now, clock, publish, onStuck, onFailure } = options
  let ending: AbortController | undefined
  let work: Promise<void> | undefined

  async function run(signal: AbortSignal): Promise<void> {
    const since = new Map<string, number>()
    const published = new Map<string, Map<string, Published>>()
    /** By namespace. Of one that can't be read just now, what was found before stands. */
    const reasons = new Map<string, readonly string[]>()
    const surveys = new Map<string, Survey>()
    const namespaces = () => new Set(stillPending(since).map(({ namespace }) => namespace))
    while (!signal.aborted) {
      const round = new Set<string>()
      // Chosen anew each time, since one may take long: the quickest comes first, and each once in a round.
      for (
        let next = nextOf(namespaces(), surveys, round);
        next !== undefined;
        next = nextOf(namespaces(), surveys, round)
      ) {
        const namespace = next
        round.add(namespace)
        const fromMs = clock.nowMs()
        const found = await unlessAborted(() => unlessFails(() => situationsIn(namespace)), signal)
        if (signal.aborted) return
        surveys.set(namespace, { ms: clock.nowMs() - fromMs, endedAtMs: clock.nowMs(), isKnown: found !== undefined })
        if (found === undefined) continue
        const stuck: string[] = []
        for (const situation of found) {
          const reason = await unlessFails(() => publishDue(situation, since, published))
          if (reason !== undefined) stuck.push(reason)
        }
        reasons.set(namespace, stuck)
      }
      const present = namespaces()
      for (const key of published.keys()) if (!since.has(key)) published.delete(key)
      for (const known of [reasons, surveys])
        for (const namespace of known.keys()) if (!present.has(namespace)) known.delete(namespace)
      onStuck([...reasons.values()].flat())
      await pause(clock, EVERY_MS, signal)
    }
  }

  /** The one that is due, has not been read in this round, and was quickest to read. */
  function nextOf(
    present: ReadonlySet<string>,
    surveys: ReadonlyMap<string, Survey>,
    round: ReadonlySet<string>,
  ): string | undefined {
    const tookMs = (namespace: string) => surveys.get(namespace)?.ms ?? 0
    const isDue = (namespace: string) => {
      const { ms = 0, endedAtMs = Number.NEGATIVE_INFINITY, isKnown = false } = surveys.get(namespace) ?? {}
      const waitMs = isKnown ? Math.min(SHARE * ms, AT_LEAST_EVERY_MS) : 0
      return clock.nowMs() - endedAtMs >= Math.max(EVERY_MS, waitMs)
    }
    return [...present]
      .filter((namespace) => !round.has(namespace) && isDue(namespace))
      .toSorted((a, b) => tookMs(a) - tookMs(b))[0]
  }

  async function situationsIn(namespace: string): Promise<readonly Situation[]> {
    return (await gather(cluster, { namespace, controller: { kind: 'leading', ...leader } }, now())).situations
  }

  /** A failure at one namespace or Deployment must not keep the others from being told. */
  async function unlessFails<T>(work: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      onFailure(error)
      return undefined
    }
  }

  /** Notes when each lock was first seen with pending pods. @returns those that have had them for a while */
  function stillPending(since: Map<string, number>): readonly Key[] {
    const present = new Set(pending())
    for (const key of since.keys()) if (!present.has(key)) since.delete(key)
    for (const key of present) if (!since.has(key)) since.set(key, now())
    return [...present].filter((key) => isLasting(since.get(key))).map(parseKey)
  }

  function isLasting(since: number | undefined): boolean {
    return since !== undefined && now() - since >= PATIENCE_MS
  }

  /** @returns why the rollout is stuck; undefined where it is not */
  function publishDue(
    situation: Situation,
    since: ReadonlyMap<string, number>,
    published: Map<string, Map<string, Published>>,
  ): string | undefined {
    const { namespace, name: deployment } = situation.facts.deployment.metadata
    const key = keyText({ namespace, deployment })
    if (!isLasting(since.get(key))) return undefined
    const status = deploymentStatusOf(situation, PROGRAM)
    const before = published.get(key) ?? new Map<string, Published>()
    published.set(key, before)
    const isPastDeadline = situation.facts.isPastDeadline && status.state !== 'Migrated'
    for (const { about, what, announcement } of dueAnnouncements(status, isPastDeadline, before, now())) {
      before.set(about, { what, at: now() })
      publish(announcement, { namespace, deployment })
    }
    return STUCK_REASONS[status.reason] === undefined ? undefined : status.reason
  }

  return {
    start() {
      ending = new AbortController()
      work = run(ending.signal)
    },
    async stop() {
      ending?.abort()
      await work
    },
  }
}

/** The outcome; undefined as soon as the signal is aborted. Leaves nothing behind on the signal, which lasts as long as the lead. */
async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>()
  const end = () => aborted.resolve(undefined)
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  try {
    return await Promise.race([work(), aborted.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** What was published last about one Deployment, and when. */
interface Published {
  readonly what: string
  readonly at: number
}

/**
 * What to tell people now about a Deployment whose pods have been pending for a while. What changes is told at once, what lasts
 * after REPEAT_EVENT_MS.
 * @param before by `why` or `deadline`
 * @param now milliseconds since 1970
 */
function dueAnnouncements(
  { reason, revision = '', why, whatToDo }: DeploymentStatus,
  isPastDeadline: boolean,
  before: ReadonlyMap<string, Published>,
  now: number,
): readonly { readonly about: 'why' | 'deadline'; readonly what: string; readonly announcement: Announcement }[] {
  const isDue = (about: string, what: string) => {
    const last = before.get(about)
    return last === undefined || last.what !== what || now - last.at >= REPEAT_EVENT_MS
  }
  const due: { about: 'why' | 'deadline'; what: string; announcement: Announcement }[] = []
  const event = STUCK_REASONS[reason]
  const what = `${reason} ${revision}`
  // What brings the node back is of no use where its machine is off for good.
  const advice = reason === 'node-lost' ? 2 : 1
  if (event !== undefined && isDue('why', what))
    due.push({
      about: 'why',
      what,
      announcement: announcement(event, [sentence(why), ...whatToDo.slice(0, advice)].join(' ')),
    })
  if (isPastDeadline && isDue('deadline', revision))
    due.push({
      about: 'deadline',
      what: revision,
      announcement: announcement('ProgressDeadlinePassed', `${DEADLINE} ${why}`),
    })
  return due
}

/** What Kubernetes says, and is quoted last, has no full stop. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
