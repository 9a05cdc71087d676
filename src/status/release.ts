import type { Api } from '../kube/api.ts'
import type { RemoveOptions } from '../kube/calls.ts'
import type { Pod } from '../kube/objects.ts'
import { fenceStateOf, isOfLock } from '../lock/fence.ts'
import { keyOf, recordNameOf } from '../lock/key.ts'
import { judgeByPod, judgeHolder, type NamedHolder, readNamedLock } from '../lock/named-lock.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { endOf, isRunning } from '../lock/pod-state.ts'
import { mayHave, type RecordRead, readRecord } from '../lock/record.ts'
import {
  DEPLOYMENT_RECORD,
  lockConfigMapName,
  namedLockConfigMapName,
  PROTOCOL,
  PROTOCOL_LABEL,
  RECORD_LABEL,
} from '../names.ts'
import type { Run } from './findings.ts'
import { runOf } from './judge.ts'
import { graceSecondsOf, isGranted } from './pod-facts.ts'
import { type ControllerFacts, isAbsent, type NodeFacts, namespaceOf, type Situation } from './situation.ts'
import { type Cluster, readController, readNode } from './survey.ts'
import { span } from './words.ts'

/** After the end of the grace period, kubelet takes a second or two. */
const DELETION_LATE_MS = 60_000
/** 0 is no short grace period: the API server takes it for `now, whether or not the container has ended`. */
const GRACE_MIN_SECONDS = 1

/**
 * What a person may do about a lock. There is one way to free it that the protocol knows: its pod object goes. What it takes
 * with it differs:
 * - free: nobody holds it
 * - wait: it is not free, and deleting a pod would not help: it becomes free by itself, or something else has to be mended
 * - delete: its node ends the container first, so that no two runs overlap
 * - force: the pod object goes while nobody can see whether its container runs on: never two at once is no longer promised
 */
export type Release =
  | { readonly kind: 'free' | 'wait'; readonly says: readonly string[] }
  | {
      readonly kind: 'delete' | 'force'
      readonly run: HeldRun
      /** How the pod is to be deleted: as it was seen here, or not at all. */
      readonly deletion: RemoveOptions
      readonly says: readonly string[]
    }

export type HeldRun = Pick<Run, 'pod' | 'uid' | 'number' | 'node' | 'graceSeconds'>

/**
 * Says what a person may do about the lock of a Deployment: its own, and the one that it shares. Deleting its pod would not
 * help where another Deployment has the shared one.
 * @throws KubeError
 */
export async function readOwnRelease(cluster: Cluster, situation: Situation): Promise<Release> {
  const { facts, named, now } = situation
  const { name, namespace } = facts.deployment.metadata
  const own = releaseOf(situation)
  const lost =
    own.kind === 'free' && situation.read === undefined ? await runningPod(cluster.api, situation) : undefined
  if (lost !== undefined) return recordLost(lost, lockConfigMapName(name))
  // One that was told to run has the shared lock too.
  if (named === undefined || own.kind === 'wait' || isRunnerGranted(situation)) return own

  const { lock } = named
  const shared = await readNamedRelease(cluster, { namespace, lock }, now)
  if (shared.kind === 'free') return own
  if (own.kind === 'delete' && 'run' in shared && isSameRun(shared.run, own.run)) return own
  return {
    kind: 'wait',
    says: [
      `Deployment ${name} shares the lock ${lock} (annotation migrate.io/lock), which is not free. Its own lock doesn't keep any pod from running.`,
      ...shared.says.slice(0, 1),
      `See what can be done about it: migrate-io unlock --lock ${lock} -n ${namespace}`,
    ],
  }
}

function isRunnerGranted(situation: Situation): boolean {
  const run = runOf(situation)
  const seen = situation.pods.find(({ pod }) => pod.metadata.uid === run?.uid)
  return run !== undefined && seen !== undefined && isGranted(seen.pod, run.number)
}

export function isSameRun(one: HeldRun, other: HeldRun): boolean {
  return one.uid === other.uid && one.number === other.number
}

/** In any phase, and of an earlier Deployment of that name as well: as the controller looks for it. */
async function runningPod(api: Api, { facts, replicaSets }: Situation): Promise<string | undefined> {
  const { name, namespace } = facts.deployment.metadata
  const pods = await api.list('Pod', { namespace, labelSelector: `${PROTOCOL_LABEL}=${PROTOCOL}` }, projectPod)
  const key = { namespace, deployment: name }
  return pods.find((pod) => isOfLock(pod, key, replicaSets) && fenceStateOf(pod) === 'running')?.metadata.name
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

const FREE: Release = { kind: 'free', says: ['The lock is free.'] }

/**
 * What a person may do about the own lock of a Deployment.
 *
 * | its ConfigMap                | a pod                    |                                      |
 * | ---------------------------- | ------------------------ | ------------------------------------ |
 * | names a holder               |                          | by the holder's pod                  |
 * | names none                   |                          | free                                 |
 * | edited, or somebody else's   |                          | wait                                 |
 * | missing                      | may be running           | wait                                 |
 * | missing                      | none may be              | free                                 |
 */
export function releaseOf(situation: Situation): Release {
  const { read, pods, node, controller, facts, now } = situation
  const { name, namespace } = facts.deployment.metadata
  switch (read?.kind) {
    case 'foreign':
      return foreign(lockConfigMapName(name), namespace)
    case 'edited':
      return {
        kind: 'wait',
        says: [
          'Another client edited the record of the lock: the controller finds out from the pods which one holds the lock. Until then it is not free.',
        ],
      }
    case undefined: {
      const running = pods.find(({ pod }) => fenceStateOf(pod) === 'running')
      return running === undefined ? FREE : recordLost(running.pod.metadata.name, lockConfigMapName(name))
    }
    case 'record': {
      const run = runOf(situation)
      if (run === undefined) return FREE
      const holds = `Pod ${run.pod} holds the lock, as run ${run.number} of revision ${run.revision}, since ${span(now - Date.parse(run.since))}.`
      const pod = pods.find((each) => each.pod.metadata.uid === run.uid)?.pod
      return releaseOfPod({ run, holds, pod, node, controller, now })
    }
  }
}

/** A lock that Deployments share by `migrate.io/lock`. */
interface NamedLock {
  readonly namespace: string
  readonly lock: string
}

/**
 * Reads a named lock, and says what a person may do about it. Its holder is judged as the controller judges it, by the own
 * record of its Deployment or by its pod, so it needs no Deployment, and never is another run taken for the holder's.
 * @param now milliseconds since 1970
 * @throws KubeError
 */
export async function readNamedRelease(cluster: Cluster, named: NamedLock, now: number): Promise<Release> {
  const { api, transport } = cluster
  const { namespace, lock } = named
  const configMap = await api.read('ConfigMap', namespace, namedLockConfigMapName(lock))
  const read = configMap === undefined ? undefined : readNamedLock(configMap)
  if (read?.kind === 'foreign') return foreign(namedLockConfigMapName(lock), namespace)
  if (read?.kind !== 'lock') return readLost(api, named, read !== undefined)
  const { holder } = read
  if (holder === undefined) return { kind: 'free', says: [`The lock ${lock} is free.`] }

  const whose = holder.deployment === '' ? 'a Deployment that is gone' : `Deployment ${holder.deployment}`
  const found = await api.read('Pod', namespace, holder.pod)
  if (judgeHolder(holder, await readOwn(api, namespace, holder), found) === 'over')
    return {
      kind: 'free',
      says: [`The lock ${lock} is free: run ${holder.number} of ${whose}, which its ConfigMap names, is over.`],
    }
  const pod = found?.metadata.uid === holder.uid ? found : undefined
  const node = pod?.spec.nodeName
  return releaseOfPod({
    run: { pod: holder.pod, uid: holder.uid, number: holder.number, node, graceSeconds: graceSecondsOf(pod) },
    holds: `Pod ${holder.pod} holds the lock ${lock}, as run ${holder.number} of ${whose}, since ${span(now - Date.parse(holder.since))}.`,
    pod,
    node: node === undefined ? undefined : await readNode(transport, node),
    controller: await readController(cluster, now),
    now,
  })
}

/** Whether this run does not hold the lock any more, which whoever is next may have by then. Throws KubeError. */
export async function hasLetGoOfNamed(
  api: Api,
  { namespace, lock }: NamedLock,
  run: Pick<NamedHolder, 'pod' | 'uid' | 'number'>,
): Promise<boolean> {
  const configMap = await api.read('ConfigMap', namespace, namedLockConfigMapName(lock))
  const read = configMap === undefined ? undefined : readNamedLock(configMap)
  const holder = read?.kind === 'lock' ? read.holder : undefined
  const isAnother = holder?.uid !== run.uid || holder.number !== run.number
  if (read?.kind === 'lock' && isAnother) return true
  const own = holder === undefined ? undefined : await readOwn(api, namespace, holder)
  return judgeHolder(run, own, await api.read('Pod', namespace, run.pod)) === 'over'
}

/** The lock and record of the holder's Deployment, which is gone with that. */
async function readOwn(api: Api, namespace: string, { deployment }: NamedHolder): Promise<RecordRead | undefined> {
  if (deployment === '') return undefined
  const record = await api.read('ConfigMap', namespace, lockConfigMapName(deployment))
  return record === undefined ? undefined : readRecord(record)
}

/** Missing or edited: whoever has it also has its own lock, with this one's name beside it, or its record is lost as well. */
async function readLost(api: Api, { namespace, lock }: NamedLock, isThere: boolean): Promise<Release> {
  const pods = await api.list('Pod', { namespace, labelSelector: `${PROTOCOL_LABEL}=${PROTOCOL}` }, projectPod)
  const records = await api.list(
    'ConfigMap',
    { namespace, labelSelector: `${RECORD_LABEL}=${DEPLOYMENT_RECORD}` },
    (configMap) => {
      const read = readRecord(configMap)
      return read.kind === 'record' ? { name: configMap.metadata.name, holder: read.record.holder } : undefined
    },
  )
  const known = new Set(records.map(({ name }) => name))
  const held = records.flatMap(({ holder }) => {
    const pod = pods.find(({ metadata }) => metadata.uid === holder?.uid)
    return pod !== undefined && holder !== undefined && mayHave(holder, lock) && judgeByPod(holder, pod) !== 'over'
      ? [pod]
      : []
  })
  const recordless = pods.filter((pod) => !known.has(recordNameOf(pod) ?? '') && fenceStateOf(pod) === 'running')
  const holding = [...held, ...recordless]
  if (!isThere && holding.length === 0)
    return { kind: 'free', says: [`No run has ever held a lock ${lock} in namespace ${namespace}.`] }
  const what = isThere ? 'is not as migrate.io wrote it' : 'is missing'
  return {
    kind: 'wait',
    says: [
      `The ConfigMap of lock ${lock} ${what}: the controller restores it as soon as a Deployment needs it.`,
      ...(holding.length === 0 ? ['Until then it is not free.'] : holding.map((pod) => mayRun(pod))),
    ],
  }
}

function mayRun(pod: Pod): string {
  const { name, namespace } = pod.metadata
  const key = keyOf(pod)
  const see = key === undefined ? '' : `: see migrate-io unlock ${key.deployment} -n ${namespace}`
  return `It is not free: pod ${name} may be running a migration under it${see}`
}

/** The controller leaves such a ConfigMap alone, and so does `unlock`. */
function foreign(configMap: string, namespace: string): Release {
  return {
    kind: 'wait',
    says: [
      `ConfigMap ${configMap} has the name of this lock but wasn't created by migrate.io. migrate.io leaves it alone and runs no migration under this lock.`,
      `Look at it: kubectl -n ${namespace} get configmap ${configMap} -o yaml`,
      `If you don't need it, delete it: kubectl -n ${namespace} delete configmap ${configMap}`,
    ],
  }
}

/** Nobody but the controller can tell by the pods alone who holds it. */
function recordLost(pod: string, configMap: string): Release {
  return {
    kind: 'wait',
    says: [
      `Pod ${pod} was granted a run and hasn't ended, but ConfigMap ${configMap}, which names the holder of the lock, is missing. So the lock is not free.`,
      'The controller finds out from the pods which one holds the lock, within half a minute. Then run this command again.',
    ],
  }
}

/** A run that holds a lock, as it was seen. */
interface HeldLock {
  readonly run: HeldRun
  /** Whose run it is, which lock it holds, and since when: a sentence. */
  readonly holds: string
  /** Undefined where it is gone. */
  readonly pod: Pod | undefined
  readonly node: NodeFacts | undefined
  readonly controller: ControllerFacts
  /** Milliseconds since 1970. */
  readonly now: number
}

const DELETED = [
  'Deleting the pod frees the lock safely: its node ends the migration first (TERM, then KILL after the grace period).',
  "The migration is interrupted wherever it is. Then it runs again in another pod at once; if you don't want that, go back first (kubectl rollout undo).",
]

const BRING_BACK = 'It is best to bring the node back: then everything continues by itself.'

const FORCED =
  "The only other way is to delete the pod object by force. If the container still runs, the next pod runs its migration beside it: migrate.io then can't prevent two migrations from running at once. Do this only when you know that the machine is off, or cut off from the database."

/**
 * Where run n may be going on, by what is known of its pod:
 *
 * | run n on the pod | its node      | the pod                  |                                              |
 * | ---------------- | ------------- | ------------------------ | -------------------------------------------- |
 * | ended            | whatever      | whatever                 | wait: the controller frees it                |
 * | granted          | lost          | whatever                 | force                                        |
 * | granted          | not lost      | Failed, and no end told  | force: the API server deletes such a one at once |
 * | granted          | may be lost   | its deletion is late     | force                                        |
 * | whatever         | whatever else | is being deleted         | wait                                         |
 * | whatever         | whatever else | is not                   | delete                                       |
 */
function releaseOfPod(held: HeldLock): Release {
  const { run, holds, pod, node, now } = held
  const byItself = isAbsent(held)
    ? `The migrate.io controller frees it, but no controller is running: see kubectl -n ${namespaceOf(held.controller)} get pods.`
    : 'The controller frees it by itself, within half a minute.'
  if (pod === undefined) return { kind: 'wait', says: [holds, `That pod is gone. ${byItself}`] }
  if (endOf(pod, run.number).kind !== 'unknown')
    return { kind: 'wait', says: [holds, `Its node reported that its run has ended. ${byItself}`] }

  const isToldToRun = isGranted(pod, run.number)
  const where = run.node === undefined ? 'no node yet' : `node ${run.node}`
  const about = [holds, `It is on ${where}, which ${nodeInWords(node, now)}. ${stateInWords(pod, isToldToRun)}`]
  const force = (...says: readonly string[]): Release => ({
    kind: 'force',
    run,
    deletion: { preconditions: asSeen(pod), gracePeriodSeconds: 0 },
    says: [...about, ...says],
  })
  if (isToldToRun && (node?.kind === 'not-ready' || node?.kind === 'gone')) return force(BRING_BACK, FORCED)

  const { deletionTimestamp, finalizers = [] } = pod.metadata
  if (deletionTimestamp === undefined) {
    const { phase } = pod.status ?? {}
    if (isToldToRun && (phase === 'Failed' || phase === 'Succeeded'))
      return force(
        `Its phase is ${phase}, which other clients than its node can write too, and its node hasn't reported that the container ended. The API server deletes such a pod at once, without waiting for a node.`,
        node?.kind === 'ready' ? 'It is best to wait until its node reports how the container ended.' : BRING_BACK,
        FORCED,
      )
    const gracePeriodSeconds = Math.max(GRACE_MIN_SECONDS, run.graceSeconds)
    return {
      kind: 'delete',
      run,
      deletion: { preconditions: asSeen(pod), gracePeriodSeconds },
      says: [...about, ...DELETED],
    }
  }

  const late = now - Date.parse(deletionTimestamp)
  if (isToldToRun && node?.kind !== 'ready' && late > DELETION_LATE_MS)
    return force(
      `It should have ended ${span(late)} ago, but its node hasn't reported that it did.`,
      BRING_BACK,
      FORCED,
    )
  const others = finalizers.length === 0 ? '' : ` Finalizers also keep it: ${finalizers.join(', ')}.`
  const ends =
    late < 0
      ? `It is being deleted, and its grace period ends in ${span(-late)}. The lock is free when its node reports that the pod has ended.`
      : 'It is being deleted. The lock is free when its node reports that it has ended and the pod is gone.'
  return { kind: 'wait', says: [...about, `${ends}${others}`] }
}

/** A pod that has changed since may have been told to run, or its node may be back: then all is to be judged anew. */
function asSeen({ metadata: { uid, resourceVersion } }: Pod): RemoveOptions['preconditions'] {
  return { uid, resourceVersion }
}

function stateInWords(pod: Pod, isToldToRun: boolean): string {
  if (!isToldToRun) return "It hasn't been granted its run yet, so it hasn't started the migration."
  return isRunning(pod)
    ? 'Its node last reported that container migrate-io is running: the migration may be changing the database now.'
    : 'Its node last reported that container migrate-io is not running, and may start it again.'
}

function nodeInWords(node: NodeFacts | undefined, now: number): string {
  switch (node?.kind) {
    case 'ready':
      return 'is ready'
    case 'not-ready':
      return `is not ready${node.since === undefined ? '' : `, for ${span(now - node.since)}`}: it is unknown whether its containers still run`
    case 'gone':
      return 'no longer has a Node object: it is unknown whether its machine still runs'
    case 'unseen':
    case undefined:
      return 'you have no permission to read (get nodes), so it is unknown whether it is ready'
  }
}
