import { nudgeAt } from '../controller/nudge.ts'
import { originOf } from '../controller/versions.ts'
import { lockConfigMapName } from '../names.ts'
import { type Clock, LOOK_AGAIN_MS } from './clock.ts'
import { decideFree } from './decide-free.ts'
import { decideHeld } from './decide-held.ts'
import type { Decision, Stored, Waiting } from './decision.ts'
import type { LockRecord } from './record.ts'
import { revisionOfPod } from './rollout.ts'
import { skipAt } from './skip.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * The next step for one lock, from what was read. Pure: each step is carried out as a compare-and-swap on what it was
 * decided from, so an old snapshot leads to a conflict and never to a wrong write.
 */
export function decide(snapshot: Snapshot, clock: Clock): Decision {
  const { read, configMap, deployment } = snapshot
  const alive = deployment?.metadata.deletionTimestamp === undefined ? deployment : undefined
  if (read === undefined || configMap === undefined) {
    if (alive === undefined) {
      const until = snapshot.pods.size === 0 ? undefined : clock.now + LOOK_AGAIN_MS
      return { kind: 'wait', why: until === undefined ? undefined : 'no-deployment', until }
    }
    // At the first sight of a pod, not only when one waits: then none has started, and none needs to be told to wait.
    return { kind: 'create-blank', deployment: alive }
  }
  const isUnused = alive === undefined && snapshot.pods.size === 0
  // Nobody needs it before a pod with its key comes, which calls for a look.
  if (isUnused && read.kind !== 'record') return { kind: 'wait', why: undefined, until: undefined }
  if (read.kind === 'foreign') return blocked('foreign-configmap', lockConfigMapName(snapshot.key.deployment), clock)
  if (read.kind === 'edited') {
    if (alive === undefined) return blocked('record-edited', lockConfigMapName(snapshot.key.deployment), clock)
    return { kind: 'make-anew', deployment: alive, configMap }
  }
  const stored: Stored = { configMap, record: read.record }
  const owner = configMap.metadata.ownerReferences?.find(({ kind }) => kind === 'Deployment')?.uid
  if (alive !== undefined && owner !== alive.metadata.uid) {
    // Backup tools take owners off as `--cascade=orphan` does, but what they bring back is another object.
    const keep = owner === undefined && originOf(configMap) === 'original'
    return { kind: 'take-over', stored, deployment: alive, keep }
  }

  const skips = findSkips(snapshot, read.record, clock.now)
  if (skips.first !== undefined) return skips.first
  const { holder } = read.record
  const decision =
    holder === undefined ? decideFree(snapshot, stored, alive, clock) : decideHeld(snapshot, stored, holder, clock)
  if (decision.kind !== 'wait') return decision
  const wait = withSkips(decision, skips.nextAt)
  return wait.kind === 'wait' ? withNudges(wait, snapshot, clock.now) : wait
}

function blocked(reason: 'foreign-configmap' | 'record-edited', object: string, { now }: Clock): Waiting {
  return { kind: 'blocked', reason, object, until: now + LOOK_AGAIN_MS }
}

interface Skips {
  readonly first: Extract<Decision, { kind: 'skip' }> | undefined
  readonly nextAt: number | undefined
}

function findSkips({ pods, replicaSets }: Snapshot, record: LockRecord, now: number): Skips {
  let nextAt: number | undefined
  for (const { pod } of pods.values()) {
    if (pod === undefined) continue
    const at = skipAt(pod, record, replicaSets, now)
    if (at === undefined) continue
    if (at <= now) return { first: { kind: 'skip', pod, revision: revisionOfPod(pod) }, nextAt }
    nextAt = Math.min(at, nextAt ?? at)
  }
  return { first: undefined, nextAt }
}

/** Last of all: it is a write for a file that has mostly been read long since. */
function withNudges(wait: Extract<Waiting, { kind: 'wait' }>, { pods }: Snapshot, now: number): Decision {
  let nextAt = wait.until
  for (const { pod } of pods.values()) {
    const at = pod === undefined ? undefined : nudgeAt(pod)
    if (pod === undefined || at === undefined) continue
    if (at <= now) return { kind: 'nudge', pod, wait }
    nextAt = Math.min(at, nextAt ?? at)
  }
  return { ...wait, until: nextAt }
}

function withSkips(decision: Extract<Waiting, { kind: 'wait' }>, nextAt: number | undefined): Waiting {
  if (nextAt === undefined) return decision
  const until = Math.min(nextAt, decision.until ?? nextAt)
  return { ...decision, why: decision.why ?? 'skip-later', until }
}
