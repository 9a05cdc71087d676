import { KubeError } from '../kube/api.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import { ownedBy, rewritten } from '../lock/config-map.ts'
import { type Decision, RESYNC_MS, type Stored, type Waiting } from '../lock/decide.ts'
import { marksOn, type RunGrant } from '../lock/grant.ts'
import { keyText } from '../lock/key.ts'
import { readNamedState } from '../lock/named-lock.ts'
import { afterFailure, afterSuccess } from '../lock/outcome.ts'
import { revisionOfPod } from '../lock/pod-state.ts'
import { formatRecord, type Holder, type LockRecord } from '../lock/record.ts'
import { type Snapshot, withRecord } from '../lock/snapshot.ts'
import { lockConfigMapName } from '../names.ts'
import { releaseNamed, takeNamed } from './named-lock-store.ts'
import type { ActionResult, ReconcileContext } from './reconcile-context.ts'
import { createBlank, holderByGrant, recoverLock, recoverNamedLock } from './recover-lock.ts'
import { nudge, skip, unmark, withPod, writeGrant, writeWait } from './write-pod.ts'

const AGAIN: ActionResult = { kind: 'again' }

/**
 * Carries out one decision. Every write is a compare-and-swap on what it was decided from.
 * @throws KubeError; after `conflict` all is to be read again
 */
export async function act(
  decision: Exclude<Decision, Waiting>,
  snapshot: Snapshot,
  context: ReconcileContext,
): Promise<ActionResult> {
  const { api, report, now, waiters } = context
  const { key } = snapshot
  switch (decision.kind) {
    case 'read-pod':
      return withPod(snapshot, decision.name, await api.read('Pod', key.namespace, decision.name))
    case 'read-named': {
      const holder = snapshot.read?.kind === 'record' ? snapshot.read.record.holder : undefined
      const named = await readNamedState(api, decision.lock, { key, holder, waiters, now: now() })
      return { kind: 'on', snapshot: { ...snapshot, named } }
    }
    case 'create-blank':
      await createBlank(api, key, decision.deployment)
      return AGAIN
    case 'recover':
      report(await recoverLock(api, snapshot, decision, now()), key)
      return AGAIN
    case 'take-over': {
      const { stored, deployment, keep } = decision
      const others = (stored.configMap.metadata.ownerReferences ?? []).filter(({ kind }) => kind !== 'Deployment')
      const metadata = { ...stored.configMap.metadata, ownerReferences: [...others, ...ownedBy(deployment)] }
      const record = keep ? stored.record : { ...stored.record, entries: {} }
      await writeRecord({ ...stored, configMap: { ...stored.configMap, metadata } }, record, context)
      report({ kind: 'adopted', configMap: metadata.name, records: keep ? 'kept' : 'dropped' }, key)
      return AGAIN
    }
    case 'skip':
      return await skip(decision, snapshot, context)
    case 'adopt-run': {
      const { stored, pod, grant } = decision
      const { number } = grant
      const holder = holderByGrant(pod, grant, now())
      const highest = Math.max(number, stored.record.number)
      await writeRecord(stored, { ...stored.record, number: highest, holder }, context)
      report({ kind: 'problem', reason: 'unknown-run', object: pod.metadata.name, detail: `run ${number}` }, key)
      return AGAIN
    }
    case 'acquire': {
      const { stored, pod, number, lock } = decision
      const holder = holderFor(pod, number, lock, now())
      await writeRecord(stored, { ...stored.record, number, holder }, context)
      return AGAIN
    }
    case 'take-named':
      await takeNamed(context, snapshot, decision)
      waiters.leave(keyText(key))
      return { kind: 'on', snapshot: { ...snapshot, named: undefined } }
    case 'recover-named': {
      if (snapshot.named?.kind !== 'lost') return AGAIN
      const done = await recoverNamedLock(api, key, decision.lock, { lost: snapshot.named, now: now() })
      if (!done) return { kind: 'wait', why: 'lock-unsettled', until: now() + RESYNC_MS, lock: decision.lock }
      return { kind: 'on', snapshot: { ...snapshot, named: undefined } }
    }
    case 'grant': {
      await expectUnchanged(decision.stored, snapshot, context)
      const { pod, holder } = decision
      const { number, lock } = holder
      const grant: RunGrant = { kind: 'run', number, ...(lock === undefined ? {} : { lock }) }
      const written = await writeGrant(api, pod, grant, marksOn(pod))
      report({ kind: 'run-started', pod: holder.pod, revision: holder.revision, number }, key)
      return withPod(snapshot, holder.pod, written)
    }
    case 'settle': {
      const { pod, number } = decision
      const written = await writeWait(api, pod, number)
      if (decision.of === 'named') return { kind: 'on', snapshot: { ...snapshot, named: undefined } }
      return withPod(snapshot, pod.metadata.name, written)
    }
    case 'nudge':
      return await nudge(decision, snapshot, context)
    case 'unmark':
      return await unmark(decision.pod, snapshot, context)
    case 'complete': {
      const { stored, holder, pod } = decision
      const platform = await context.platform?.(pod.spec.nodeName ?? '')
      const { record, event } = afterSuccess(snapshot, decision, platform)
      const configMap = await writeRecord(stored, record, context)
      report(event, key)
      const released = await releaseNamed(context, snapshot, holder)
      return { kind: 'on', snapshot: withRecord(snapshot, configMap), released }
    }
    case 'fail': {
      const { stored, holder } = decision
      const { record, event } = afterFailure(snapshot, decision, now())
      await writeRecord(stored, record, context)
      const { pod, revision, number } = holder
      const { isNumberLost, exitCode } = decision.end
      if (isNumberLost) report({ kind: 'not-recorded', pod, revision, number, exitCode }, key)
      report(event, key)
      return { kind: 'again', released: await releaseNamed(context, snapshot, holder) }
    }
    case 'release': {
      const { stored, holder, event } = decision
      await writeRecord(stored, { ...stored.record, holder: undefined }, context)
      report(event, key)
      return { kind: 'again', released: await releaseNamed(context, snapshot, holder) }
    }
  }
}

function holderFor(pod: Pod, number: number, lock: string | undefined, now: number): Holder {
  const { name, uid } = pod.metadata
  const since = new Date(now).toISOString()
  return { pod: name, uid, revision: revisionOfPod(pod), number, since, ...(lock === undefined ? {} : { lock }) }
}

async function writeRecord({ configMap }: Stored, record: LockRecord, { api }: ReconcileContext): Promise<ConfigMap> {
  return await api.replace('ConfigMap', rewritten(configMap, formatRecord(record)))
}

/**
 * Reads the lock once more, after the pod. A controller that recovers a lost lock first writes to each pod that could be granted:
 * so either that write came after the pod was read, and the grant meets a conflict, or the loss is seen here.
 */
async function expectUnchanged(
  { configMap }: Stored,
  { key, named }: Snapshot,
  { api }: ReconcileContext,
): Promise<void> {
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
