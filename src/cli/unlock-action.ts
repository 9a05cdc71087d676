import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { removeObject } from '../kube/calls.ts'
import {
  type HeldRun,
  hasLetGoOfNamed,
  hasLetGoOfOwn,
  isSameRun,
  type Release,
  readNamedRelease,
  readOwnRelease,
} from '../status/release.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { type ClusterConnection, onCluster, readOne } from './on-cluster.ts'
import { asCalled, type ClusterOptions } from './options.ts'
import { ask, askForWord } from './terminal.ts'

const FORCE_OPTION = '--yes-i-know-that-it-may-still-run'
const LOOK_AGAIN_MS = 500
/** After the pod has gone: the controller sees it at once by its watch, or by its look every 30 s. */
const RELEASE_MS = 45_000
/** Of a pod that changes between the look and the deletion, which takes some milliseconds. */
const MAX_TRIES = 5

export interface UnlockOptions extends ClusterOptions {
  readonly lock?: string
  readonly yes?: true
  readonly yesIKnowThatItMayStillRun?: true
}

type HeldRelease = Extract<Release, { kind: 'delete' | 'force' }>

/** Says what holds a lock, and frees it after asking. */
export async function unlock(command: Command, named: string | undefined, options: UnlockOptions): Promise<void> {
  await onCluster(command, options, async (cluster) => {
    const lock =
      named === undefined ? namedLock(cluster, options.lock ?? '') : ownLock({ command, cluster, deployment: named })
    const release = await lock.look()
    say(release)
    if (!isHeld(release)) {
      // A script must not take it for free.
      if (release.kind === 'wait') process.exitCode = EXIT_REFUSED
      return
    }
    // What is asked for after the deletion must not fail then: without a permission for it nothing is done at all.
    await lock.hasLetGo(release.run)
    if (!(await isAgreed(release, options)))
      command.error('migrate-io unlock: nothing was changed', { exitCode: EXIT_REFUSED })

    const deleted = await removeAsAgreed(command, { cluster, lock, agreed: release })
    if (deleted === undefined) return
    const { pod, graceSeconds } = deleted.run
    const asked =
      deleted.kind === 'force' ? 'deleted by force' : `terminating, with a grace period of ${graceSeconds} s`
    process.stderr.write(`pod/${pod} ${asked}\n`)
    if (await untilLetGo(lock, deleted)) process.stdout.write(`Pod ${pod} no longer holds the lock ${lock.whose}.\n`)
    else
      command.error(asCalled(`migrate-io unlock: pod ${pod} still holds the lock: see ${lock.see}`), {
        exitCode: EXIT_REFUSED,
      })
  })
}

function isHeld(release: Release): release is HeldRelease {
  return release.kind === 'delete' || release.kind === 'force'
}

function say({ says }: Release): void {
  for (const line of says) process.stderr.write(`${asCalled(line)}\n`)
}

function isAgreed({ kind, run: { pod } }: HeldRelease, options: UnlockOptions): Promise<boolean> | boolean {
  if (kind !== 'force') return options.yes === true || ask(`Delete pod ${pod}?`)
  if (options.yesIKnowThatItMayStillRun === true) return true
  return askForWord(`Type ${pod} to delete that pod by force:`, pod, FORCE_OPTION)
}

/**
 * Deletes the pod as it is now, if what was agreed to still holds: meanwhile its node may have come back, or its run ended.
 * @returns what was done; undefined where there was no need, since the lock is free by now
 */
async function removeAsAgreed(
  command: Command,
  { cluster, lock, agreed }: { readonly cluster: ClusterConnection; readonly lock: Lock; readonly agreed: HeldRelease },
): Promise<HeldRelease | undefined> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const now = await lock.look()
    if (!isHeld(now) || now.kind !== agreed.kind || !isSameRun(now.run, agreed.run)) {
      say(now)
      if (now.kind === 'free') return undefined
      return command.error(
        'migrate-io unlock: the lock has changed in the meantime, so nothing was done: run the command again',
        {
          exitCode: EXIT_REFUSED,
        },
      )
    }
    const object = { namespace: lock.namespace, name: now.run.pod }
    if (await removeObject(cluster.transport, 'Pod', object, now.deletion)) return now
  }
  return command.error(`migrate-io unlock: pod ${agreed.run.pod} keeps changing, so it was left alone: try again`, {
    exitCode: EXIT_REFUSED,
  })
}

async function untilLetGo(lock: Lock, { run }: HeldRelease): Promise<boolean> {
  const endMs = performance.now() + run.graceSeconds * 1000 + RELEASE_MS
  while (performance.now() < endMs) {
    if (await lock.hasLetGo(run)) return true
    await setTimeout(LOOK_AGAIN_MS)
  }
  return false
}

/** The lock that a person wants to have freed. All calls throw KubeError. */
interface Lock {
  readonly namespace: string
  /** After `the lock`. */
  readonly whose: string
  /** The command that says more. */
  readonly see: string
  look(): Promise<Release>
  hasLetGo(run: HeldRun): Promise<boolean>
}

/** The Deployment's own. A look ends the program with one line where there is no such Deployment. */
function ownLock(of: {
  readonly command: Command
  readonly cluster: ClusterConnection
  readonly deployment: string
}): Lock {
  const { command, cluster, deployment } = of
  const { namespace = '', api } = cluster
  return {
    namespace,
    whose: `of ${deployment}`,
    see: `migrate-io status ${deployment} -n ${namespace}`,
    look: async () => readOwnRelease(cluster, (await readOne(command, cluster, deployment)).situation),
    hasLetGo: (run) => hasLetGoOfOwn(api, { namespace, deployment }, run),
  }
}

/** One that Deployments share. */
function namedLock(cluster: ClusterConnection, lock: string): Lock {
  const { namespace = '', api } = cluster
  return {
    namespace,
    whose: lock,
    see: `migrate-io unlock --lock ${lock} -n ${namespace}`,
    look: () => readNamedRelease(cluster, { namespace, lock }, Date.now()),
    hasLetGo: (run) => hasLetGoOfNamed(api, { namespace, lock }, run),
  }
}
