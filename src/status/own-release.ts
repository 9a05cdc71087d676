import type { Api } from '../kube/api.ts'
import { isOfLock, standing } from '../lock/fence.ts'
import { decisionOn, grantOf } from '../lock/grant.ts'
import { judgeHolder } from '../lock/named-lock.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { readRecord } from '../lock/record.ts'
import { lockConfigMapName, PROTOCOL, PROTOCOL_LABEL } from '../names.ts'
import { runOf } from './judge-run.ts'
import { recordLost, releaseOf } from './lock-release.ts'
import { type Ground, readNamedRelease } from './named-release.ts'
import type { HeldRun, Release } from './pod-release.ts'
import type { Situation } from './situation.ts'

/**
 * Says what a person may do about the lock of a Deployment: its own, and the one that it shares. Deleting its pod would not
 * help where another Deployment has the shared one.
 * @throws KubeError
 */
export async function readOwnRelease(ground: Ground, situation: Situation): Promise<Release> {
  const { facts, named, now } = situation
  const { name, namespace } = facts.deployment.metadata
  const own = releaseOf(situation)
  const lost = own.kind === 'free' && situation.read === undefined ? await runningPod(ground.api, situation) : undefined
  if (lost !== undefined) return recordLost(lost, lockConfigMapName(name))
  // One that was told to run has the shared lock too.
  if (named === undefined || own.kind === 'wait' || isGranted(situation)) return own

  const { lock } = named
  const shared = await readNamedRelease(ground, { namespace, lock }, now)
  if (shared.kind === 'free') return own
  if (own.kind === 'delete' && 'run' in shared && isSameRun(shared.run, own.run)) return own
  return {
    kind: 'wait',
    says: [
      `Deployment ${name} shares the lock ${lock} (annotation migrate.io/lock), which is not free. Its own lock keeps nobody from running.`,
      ...shared.says.slice(0, 1),
      `See what can be done about it: migrate-io unlock --lock ${lock} -n ${namespace}`,
    ],
  }
}

/** Whether this run does not hold the own lock any more, which whoever is next may have by then. Throws KubeError. */
export async function hasLetGoOfOwn(
  api: Api,
  { namespace, deployment }: { readonly namespace: string; readonly deployment: string },
  run: Pick<HeldRun, 'pod' | 'uid' | 'number'>,
): Promise<boolean> {
  const configMap = await api.read('ConfigMap', namespace, lockConfigMapName(deployment))
  const read = configMap === undefined ? undefined : readRecord(configMap)
  // Where the record is lost or edited, the pod tells.
  const pod = read?.kind === 'record' ? undefined : await api.read('Pod', namespace, run.pod)
  return judgeHolder(run, read, pod) === 'over'
}

export function isSameRun(one: HeldRun, other: HeldRun): boolean {
  return one.uid === other.uid && one.number === other.number
}

function isGranted(situation: Situation): boolean {
  const run = runOf(situation)
  const seen = situation.pods.find(({ pod }) => pod.metadata.uid === run?.uid)
  return run !== undefined && seen !== undefined && decisionOn(run.number, grantOf(seen.pod)) === 'run'
}

/** In any phase, and of an earlier Deployment of that name as well: as the controller looks for it. */
async function runningPod(api: Api, { facts, replicaSets }: Situation): Promise<string | undefined> {
  const { name, namespace } = facts.deployment.metadata
  const pods = await api.list('Pod', { namespace, labelSelector: `${PROTOCOL_LABEL}=${PROTOCOL}` }, projectPod)
  const key = { namespace, deployment: name }
  return pods.find((pod) => isOfLock(pod, key, replicaSets) && standing(pod) === 'running')?.metadata.name
}
