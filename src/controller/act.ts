import { KubeError } from '../kube/api.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import { GRANT_ANNOTATION, lockConfigMapName } from '../migration/names.ts'
import { marksOff, marksOn } from './autoscalers.ts'
import { LOOK_AGAIN_MS } from './clock.ts'
import { isDone } from './container-end.ts'
import type { Decision, Stored, Waiting } from './decision.ts'
import { formatGrant, type Grant } from './grant.ts'
import { releaseNamed, takeNamed } from './keep-named.ts'
import { keyText } from './key.ts'
import { createBlank, makeAnew } from './make-anew.ts'
import { readNamed } from './read-named.ts'
import { rebuildNamed } from './rebuild-named.ts'
import { formatRecord, type Holder, type LockRecord } from './record.ts'
import { afterFailure, afterSuccess } from './results.ts'
import { revisionOfPod } from './rollout.ts'
import type { Snapshot } from './snapshot.ts'
import type { Surroundings } from './surroundings.ts'
import { ownedBy, versionOf } from './versions.ts'

/** What is known after a step: a snapshot to go on from, or that all has to be read again, or to wait. */
export type Acted =
  | { readonly kind: 'on'; readonly snapshot: Snapshot }
  /** A write met a conflict, and what it was about was read again: it may be tried as often as any conflict. */
  | { readonly kind: 'stale'; readonly snapshot: Snapshot; readonly conflict: KubeError }
  | { readonly kind: 'again'; readonly released?: string }
  | Extract<Waiting, { kind: 'wait' }>

const AGAIN: Acted = { kind: 'again' }

/**
 * Carries out one step. Every write is a compare-and-swap on what the step was decided from.
 * @throws KubeError; after `conflict` all is to be read again
 */
export async function act(
  decision: Exclude<Decision, Waiting>,
  snapshot: Snapshot,
  surroundings: Surroundings,
): Promise<Acted> {
  const { api, report, now, turns } = surroundings
  const { key } = snapshot
  switch (decision.kind) {
    case 'read-pod':
      return withPod(snapshot, decision.name, await api.read('Pod', key.namespace, decision.name))
    case 'read-named': {
      const holder = snapshot.read?.kind === 'record' ? snapshot.read.record.holder : undefined
      const named = await readNamed(api, decision.lock, { key, holder, turns, now: now() })
      return { kind: 'on', snapshot: { ...snapshot, named } }
    }
    case 'create-blank':
      await createBlank(api, key, decision.deployment)
      return AGAIN
    case 'make-anew':
      report(await makeAnew(api, snapshot, decision, now()), key)
      return AGAIN
    case 'take-over': {
      const { stored, deployment, keep } = decision
      const others = (stored.configMap.metadata.ownerReferences ?? []).filter(({ kind }) => kind !== 'Deployment')
      const metadata = { ...stored.configMap.metadata, ownerReferences: [...others, ...ownedBy(deployment)] }
      const record = keep ? stored.record : { ...stored.record, entries: {} }
      await write({ ...stored, configMap: { ...stored.configMap, metadata } }, record, surroundings)
      report({ kind: 'adopted', configMap: metadata.name, records: keep ? 'kept' : 'dropped' }, key)
      return AGAIN
    }
    case 'skip':
      return await skip(decision, snapshot, surroundings)
    case 'adopt-run': {
      const { stored, pod, number } = decision
      const holder = holderFor(pod, number, snapshot.settings.lock, now())
      const highest = Math.max(number, stored.record.number)
      await write(stored, { ...stored.record, number: highest, holder }, surroundings)
      report({ kind: 'problem', reason: 'unknown-run', object: pod.metadata.name, detail: `run ${number}` }, key)
      return AGAIN
    }
    case 'acquire': {
      const { stored, pod, number, lock } = decision
      const holder = holderFor(pod, number, lock, now())
      await write(stored, { ...stored.record, number, holder }, surroundings)
      return AGAIN
    }
    case 'take-named':
      await takeNamed(surroundings, snapshot, decision)
      turns.leave(keyText(key))
      return { kind: 'on', snapshot: { ...snapshot, named: undefined } }
    case 'rebuild-named': {
      if (snapshot.named?.kind !== 'lost') return AGAIN
      const done = await rebuildNamed(api, key, decision.lock, { lost: snapshot.named, now: now() })
      if (!done) return { kind: 'wait', why: 'lock-unsettled', until: now() + LOOK_AGAIN_MS, lock: decision.lock }
      return { kind: 'on', snapshot: { ...snapshot, named: undefined } }
    }
    case 'grant': {
      await confirm(decision.stored, snapshot, surroundings)
      const { pod, holder } = decision
      const told = await tell(pod, { kind: 'run', number: holder.number }, marksOn(pod), surroundings)
      report({ kind: 'run-started', pod: holder.pod, revision: holder.revision, number: holder.number }, key)
      return withPod(snapshot, holder.pod, told)
    }
    case 'settle': {
      const { pod, number } = decision
      const told = await tell(pod, { kind: 'wait', number }, marksOff(pod), surroundings)
      if (decision.of === 'named') return { kind: 'on', snapshot: { ...snapshot, named: undefined } }
      return withPod(snapshot, pod.metadata.name, told)
    }
    case 'unmark':
      return await unmark(decision.pod, snapshot, surroundings)
    case 'complete': {
      const { stored, holder } = decision
      const { record, event } = afterSuccess(snapshot, decision)
      await write(stored, record, surroundings)
      report(event, key)
      return await releaseNamed(surroundings, snapshot, holder)
    }
    case 'fail': {
      const { stored, holder } = decision
      const { record, event } = afterFailure(snapshot, decision, now())
      await write(stored, record, surroundings)
      report(event, key)
      return await releaseNamed(surroundings, snapshot, holder)
    }
    case 'release': {
      const { stored, holder, event } = decision
      await write(stored, { ...stored.record, holder: undefined }, surroundings)
      report(event, key)
      return await releaseNamed(surroundings, snapshot, holder)
    }
  }
}

function withPod(snapshot: Snapshot, name: string, pod: Pod | undefined): Extract<Acted, { kind: 'on' }> {
  const pods = new Map(snapshot.pods)
  pods.set(name, { pod, isLive: true })
  return { kind: 'on', snapshot: { ...snapshot, pods } }
}

function holderFor(pod: Pod, number: number, lock: string | undefined, now: number): Holder {
  const { name, uid } = pod.metadata
  const since = new Date(now).toISOString()
  return { pod: name, uid, revision: revisionOfPod(pod), number, since, ...(lock === undefined ? {} : { lock }) }
}

async function write({ configMap }: Stored, record: LockRecord, { api }: Surroundings): Promise<ConfigMap> {
  return await api.replace('ConfigMap', { ...configMap, data: formatRecord(record) })
}

async function tell(
  pod: Pod,
  grant: Exclude<Grant, { kind: 'none' | 'unreadable' }>,
  marks: Record<string, string | null>,
  { api }: Surroundings,
): Promise<Pod> {
  return await api.annotatePod(versionOf(pod.metadata), { [GRANT_ANNOTATION]: formatGrant(grant), ...marks })
}

/**
 * Reads the lock once more, after the pod. Whoever makes a lost lock anew first writes to each pod that could be granted:
 * so either that write came after the pod was read, and the grant meets a conflict, or the loss is seen here.
 */
async function confirm({ configMap }: Stored, { key, named }: Snapshot, { api }: Surroundings): Promise<void> {
  const { namespace } = key
  const own = await api.read('ConfigMap', namespace, lockConfigMapName(key.deployment))
  expectSame(own, configMap)
  if (named?.kind !== 'busy') return
  expectSame(await api.read('ConfigMap', namespace, named.configMap.metadata.name), named.configMap)
}

function expectSame(now: ConfigMap | undefined, before: ConfigMap): void {
  const { uid, resourceVersion, name } = before.metadata
  if (now?.metadata.uid !== uid || now.metadata.resourceVersion !== resourceVersion)
    throw new KubeError('conflict', `${name} changed before its grant`)
}

async function skip(
  { pod, revision }: Extract<Decision, { kind: 'skip' }>,
  snapshot: Snapshot,
  surroundings: Surroundings,
): Promise<Acted> {
  const { name, namespace } = pod.metadata
  try {
    const told = await tell(pod, { kind: 'skip' }, marksOff(pod), surroundings)
    // One that has run it itself is only kept from waiting once more.
    if (!isDone(pod)) surroundings.report({ kind: 'skipped', pod: name, revision }, snapshot.key)
    return withPod(snapshot, name, told)
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'conflict') throw error
    // The watch lags behind: only this pod is looked at again.
    const seen = withPod(snapshot, name, await surroundings.api.read('Pod', namespace, name))
    return { ...seen, kind: 'stale', conflict: error }
  }
}

async function unmark(pod: Pod, snapshot: Snapshot, { api, report }: Surroundings): Promise<Acted> {
  try {
    return withPod(snapshot, pod.metadata.name, await api.annotatePod(versionOf(pod.metadata), marksOff(pod)))
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'conflict' || error.code === 'unavailable') throw error
    const reason = error.code === 'forbidden' ? 'forbidden' : 'refused'
    report({ kind: 'problem', reason, object: pod.metadata.name, detail: error.message }, snapshot.key)
    return {
      kind: 'on',
      snapshot: { ...snapshot, markedForGood: new Set([...snapshot.markedForGood, pod.metadata.uid]) },
    }
  }
}
