import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { readNamedLock } from '../controller/named-lock.ts'
import { readRecord } from '../controller/record.ts'
import { removeObject } from '../kube/remove.ts'
import { lockConfigMapName, namedLockConfigMapName } from '../migration/names.ts'
import type { Run } from '../status/findings.ts'
import { type Release, releaseOf } from '../status/lock-release.ts'
import { asCalled } from './called-as.ts'
import { ask, askForWord } from './cluster/ask.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { onCluster } from './cluster/on-cluster.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { readOne } from './one-deployment.ts'
import type { UnlockOptions } from './unlock.ts'

const FORCE_OPTION = '--yes-i-know-that-it-may-still-run'
const LOOK_AGAIN_MS = 500
/** After the pod has gone: the controller sees it at once by its watch, or by its look every 30 s. */
const RELEASE_MS = 45_000

/** Says what holds a lock, and frees it after asking. */
export async function unlock(command: Command, named: string | undefined, options: UnlockOptions): Promise<void> {
  await onCluster(command, options, async (cluster) => {
    const deployment = named ?? (await holderOfNamed(cluster, options.lock ?? ''))
    if (deployment === undefined) return
    const { situation } = await readOne(command, cluster, deployment)
    const release = releaseOf(situation)
    for (const line of release.says) process.stderr.write(`${line}\n`)
    if (release.kind === 'nothing') {
      // Held still, for now: a script must not take it for free.
      if (release.run !== undefined) process.exitCode = EXIT_REFUSED
      return
    }
    const { pod, uid } = release.run
    if (!(await isAgreed(release, options)))
      command.error('migrate-io unlock: nothing was changed', { exitCode: EXIT_REFUSED })
    const { namespace } = situation.facts.deployment.metadata
    const isForced = release.kind === 'force'
    const isDeleted = await removeObject(
      cluster.transport,
      'Pod',
      { namespace, name: pod },
      { preconditions: { uid }, ...(isForced ? { gracePeriodSeconds: 0 } : {}) },
    )
    const asked = isForced ? 'taken away by force' : `asked to end, for which it has ${release.run.graceSeconds} s`
    process.stderr.write(`pod/${pod} ${isDeleted ? asked : 'was gone'}\n`)
    const isFree = await untilFree(cluster, deployment, release.run)
    if (isFree) process.stdout.write(`Pod ${pod} does not hold the lock of ${deployment} any more.\n`)
    else
      command.error(
        asCalled(
          `migrate-io unlock: pod ${pod} holds the lock still: see migrate-io status ${deployment} -n ${namespace}`,
        ),
        { exitCode: EXIT_REFUSED },
      )
  })
}

function isAgreed({ kind, run }: Extract<Release, { run: Run }>, options: UnlockOptions): Promise<boolean> | boolean {
  if (kind !== 'force') return options.yes === true || ask(`Delete pod ${run?.pod}?`)
  if (options.yesIKnowThatItMayStillRun === true) return true
  return askForWord(`Type ${run.pod} to take that pod away by force:`, run.pod, FORCE_OPTION)
}

/** Undefined where nobody holds it, which is said. */
async function holderOfNamed({ api, namespace = '' }: ClusterConnection, lock: string): Promise<string | undefined> {
  const configMap = await api.read('ConfigMap', namespace, namedLockConfigMapName(lock))
  const read = configMap === undefined ? undefined : readNamedLock(configMap)
  const holder = read?.kind === 'lock' ? read.holder : undefined
  if (holder !== undefined) {
    process.stderr.write(`Deployment ${holder.deployment} has the lock ${lock}, since ${holder.since}.\n`)
    return holder.deployment
  }
  process.stderr.write(
    read === undefined
      ? `Nobody has ever held a lock ${lock} in namespace ${namespace}.\n`
      : read.kind === 'lock'
        ? `The lock ${lock} is free.\n`
        : `The ConfigMap of lock ${lock} is not as migrate.io wrote it: the controller settles it anew.\n`,
  )
  return undefined
}

/** Whether this run has let go of the lock, which whoever is next may have by then. */
async function untilFree(
  { api, namespace = '' }: ClusterConnection,
  deployment: string,
  { uid, number, graceSeconds }: Run,
): Promise<boolean> {
  const endMs = performance.now() + graceSeconds * 1000 + RELEASE_MS
  while (performance.now() < endMs) {
    const configMap = await api.read('ConfigMap', namespace, lockConfigMapName(deployment))
    const read = configMap === undefined ? undefined : readRecord(configMap)
    const holder = read?.kind === 'record' ? read.record.holder : undefined
    if (holder?.uid !== uid || holder.number !== number) return true
    await setTimeout(LOOK_AGAIN_MS)
  }
  return false
}
