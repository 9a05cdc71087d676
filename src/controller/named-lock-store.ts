import { KubeError } from '../kube/api.ts'
import { rewritten } from '../lock/config-map.ts'
import type { Decision } from '../lock/decide.ts'
import { formatNamedLock, lockText, readNamedLock } from '../lock/named-lock.ts'
import { type Holder, UNKNOWN_LOCK } from '../lock/record.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import { namedLockConfigMapName } from '../names.ts'
import { problemOf, type ReconcileContext } from './reconcile-context.ts'

/** Takes a named lock that was found free, for the holder of the own one. A compare-and-swap. */
export async function takeNamed(
  { api }: ReconcileContext,
  { named, deployment }: Snapshot,
  { holder }: Extract<Decision, { kind: 'take-named' }>,
): Promise<void> {
  if (named?.kind !== 'free' || deployment === undefined) return
  const { pod, uid, number, since } = holder
  const { name, uid: deploymentUid } = deployment.metadata
  const data = formatNamedLock(named.turn + 1, { pod, uid, number, since, deployment: name, deploymentUid })
  await api.replace('ConfigMap', rewritten(named.configMap, data))
}

/**
 * Lets the named lock go after the own one. Nothing rests on it: a lock whose holder's own record has moved on is free,
 * so where this fails or is never reached the next one takes it all the same.
 * @returns the named lock, as text; undefined where the run needed none
 */
export async function releaseNamed(
  { api, now, report }: ReconcileContext,
  { key }: Snapshot,
  { lock, uid, number }: Holder,
): Promise<string | undefined> {
  if (lock === undefined) return undefined
  if (lock === UNKNOWN_LOCK) return lockText(key.namespace, lock)
  try {
    const configMap = await api.read('ConfigMap', key.namespace, namedLockConfigMapName(lock))
    const read = configMap === undefined ? undefined : readNamedLock(configMap)
    if (configMap !== undefined && read?.kind === 'lock' && read.holder?.uid === uid && read.holder.number === number)
      await api.replace('ConfigMap', rewritten(configMap, formatNamedLock(read.turn, { freeAt: now() })))
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    if (error.code !== 'conflict') report(problemOf(error, namedLockConfigMapName(lock)), key)
  }
  return lockText(key.namespace, lock)
}
