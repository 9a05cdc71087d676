import type { ConfigMap, Kind, Objects, Pod } from '../../../src/kube/objects.ts'
import { decidedNumber, grantOf, parseGrant } from '../../../src/lock/grant.ts'
import { parseObject, readRecord } from '../../../src/lock/record.ts'
import {
  DEPLOYMENT_RECORD,
  FIELD_MANAGER,
  GRANT_ANNOTATION,
  lockConfigMapName,
  RECORD_LABEL,
} from '../../../src/names.ts'
import type { Cluster } from './cluster.ts'
import type { SimulatedPod } from './pod.ts'

/** A promise that was broken. */
export class Violation extends Error {}

/** Watches everything that happens, and says when a promise of docs/design.md is broken. */
export class Judge {
  readonly #cluster: Cluster
  /** `deployment/revision` whose command once exited 0. */
  readonly #succeeded = new Set<string>()
  /** `pod UID/number` → the named lock under which that number was given out last. */
  readonly #locks = new Map<string, string | undefined>()
  /** The same as it was when the number was granted. Never forgotten, whatever a record that is made anew then says. */
  readonly #granted = new Map<string, string | undefined>()
  runs = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.server.onChange = (kind, before, after, by) => this.#changed(kind, before, after, by)
  }

  /** Promises 1 and 2, when a command starts. */
  started(pod: SimulatedPod, number: number): void {
    this.runs++
    const lock = this.#granted.get(`${pod.uid}/${number}`)
    for (const other of this.#cluster.pods) {
      if (other === pod || other.actual.kind !== 'command') continue
      if (other.deployment === pod.deployment)
        throw new Violation(`promise 1: ${pod.name} starts run ${number} while ${other.name} runs`)
      const otherLock = this.#granted.get(`${other.uid}/${other.actual.number}`)
      if (lock !== undefined && lock === otherLock)
        throw new Violation(`promise 1: ${pod.name} starts while ${other.name} runs under the same lock ${lock}`)
    }
    const record = this.#cluster.server.get('ConfigMap', lockConfigMapName(pod.deployment))
    const ownerUid = record?.metadata.ownerReferences?.[0]?.uid
    const replicaSet = this.#cluster.server.get('ReplicaSet', `${pod.deployment}-${pod.revision}`)
    const isSame = ownerUid !== undefined && replicaSet?.metadata.ownerReferences?.[0]?.uid === ownerUid
    const key = `completed.${pod.revision}`
    // Not one that somebody brought back by hand while a run was on its way.
    const isOurs = record?.metadata.managedFields?.some(
      ({ manager, fieldsV1 }) => manager === FIELD_MANAGER && fieldsV1?.['f:data']?.[`f:${key}`] !== undefined,
    )
    if (isSame && isOurs === true && record?.data?.[key] !== undefined)
      throw new Violation(`promise 2: ${pod.name} starts run ${number} of a recorded revision`)
  }

  succeeded(pod: SimulatedPod): void {
    this.#succeeded.add(`${pod.deployment}/${pod.revision}`)
  }

  /** Promise 3, when an init container lets the app start. */
  appStarts(pod: SimulatedPod): void {
    if (!this.#succeeded.has(`${pod.deployment}/${pod.revision}`))
      throw new Violation(`promise 3: the app of ${pod.name} starts before its command ever exited 0`)
  }

  #changed(kind: Kind, before: Objects[Kind] | undefined, after: Objects[Kind] | undefined, by: string): void {
    if (kind === 'Pod' && by === FIELD_MANAGER) this.#grantChanged(before as Pod, after as Pod)
    if (kind === 'ConfigMap' && by === FIELD_MANAGER) this.#recordChanged(before as ConfigMap, after as ConfigMap)
  }

  #grantChanged(before: Pod, after: Pod): void {
    const [from, to] = [grantOf(before), grantOf(after)]
    if (before.metadata.annotations?.[GRANT_ANNOTATION] === after.metadata.annotations?.[GRANT_ANNOTATION]) return
    const settles = from.kind === 'run' && to.kind === 'wait' && from.number === to.number
    if (to.kind !== 'skip' && !settles && decidedNumber(to) <= decidedNumber(from))
      throw new Violation(`the number on ${after.metadata.name} goes from ${text(before)} to ${text(after)}`)
    if (to.kind !== 'run') return
    const run = `${after.metadata.uid}/${to.number}`
    if (!this.#granted.has(run)) this.#granted.set(run, this.#locks.get(run))
  }

  #recordChanged(before: ConfigMap | undefined, after: ConfigMap): void {
    const holder = parseObject(after.data?.['holder'])
    // Not a named lock's own holder, which names no lock: taken for one it would hide under which the run is.
    if (holder !== undefined && after.metadata.labels?.[RECORD_LABEL] === DEPLOYMENT_RECORD) {
      const lock = holder['lock']
      this.#locks.set(`${holder['uid']}/${holder['number']}`, typeof lock === 'string' ? lock : undefined)
    }
    const isByUs =
      before !== undefined &&
      readRecord(before).kind === 'record' &&
      before?.metadata.managedFields?.every(({ manager }) => manager === FIELD_MANAGER) === true
    if (isByUs && Number(after.data?.['number']) < Number(before?.data?.['number']))
      throw new Violation(`the number of ${after.metadata.name} goes down`)
    const isKept = before?.metadata.ownerReferences?.[0]?.uid === after.metadata.ownerReferences?.[0]?.uid
    for (const key of Object.keys(before?.data ?? {}))
      if (isByUs && isKept && key.startsWith('completed.') && after.data?.[key] === undefined)
        throw new Violation(`${key} is gone from ${after.metadata.name}`)
  }
}

function text(pod: Pod): string {
  const value = pod.metadata.annotations?.[GRANT_ANNOTATION]
  return parseGrant(value).kind === 'none' ? 'nothing' : `${value}`
}
