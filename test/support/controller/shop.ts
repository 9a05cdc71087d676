import type { ReconcileContext } from '../../../src/controller/reconcile-context.ts'
import type { ConfigMap, Pod } from '../../../src/kube/objects.ts'
import { keyOf, keyText } from '../../../src/lock/key.ts'
import { formatRecord, type Holder, type LockRecord } from '../../../src/lock/record.ts'
import { Waiters } from '../../../src/lock/waiters.ts'
import { FIELD_MANAGER, FILES_VOLUME, lockConfigMapName } from '../../../src/names.ts'
import { apiOf, type Call, Server } from '../simulation/server.ts'
import { configMapOf, deploymentOf, KEY, NOW, podOf, replicaSetOf } from './objects.ts'

/** An API server with Deployment web, its ReplicaSet and its record, and what a controller needs to look at them. */
export class Shop {
  readonly server = new Server()
  readonly calls: string[] = []
  readonly reported: string[] = []
  readonly waiters = new Waiters()
  now = NOW
  /** Called before each call is carried out; may change what is there, or throw what the call then throws. */
  before: (call: Call) => void = () => {}
  readonly #replicaSet: string

  /** @param annotations of the Deployment */
  constructor(record: Partial<LockRecord> = {}, annotations: Record<string, string> = {}) {
    this.server.now = () => this.now
    const deployment = this.server.create('Deployment', deploymentOf(annotations), 'kubectl').metadata.uid
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: deployment }
    const { metadata } = replicaSetOf()
    const ownerReferences = [{ ...owner, controller: true }]
    this.#replicaSet = this.server.create(
      'ReplicaSet',
      { metadata: { ...metadata, ownerReferences } },
      'kubernetes',
    ).metadata.uid
    const stored = configMapOf()
    this.server.create(
      'ConfigMap',
      {
        metadata: { ...stored.metadata, ownerReferences: [owner] },
        data: formatRecord({ number: 4, holder: undefined, entries: {}, ...record }),
      },
      FIELD_MANAGER,
    )
  }

  /** Adds a pod of the Deployment, and returns it as stored. */
  add(...options: Parameters<typeof podOf>): Pod {
    const pod = podOf(...options)
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-a', uid: this.#replicaSet, controller: true }
    return this.server.create('Pod', { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } }, 'kubernetes')
  }

  /** A pod of a Deployment that is gone, and its record with it. */
  addStray(...options: Parameters<typeof podOf>): Pod {
    const pod = podOf(...options)
    const mounted = { configMap: { name: lockConfigMapName('gone') } }
    const volumes = [{ name: FILES_VOLUME, projected: { sources: [mounted] } }]
    return this.server.create(
      'Pod',
      { ...pod, metadata: { ...pod.metadata, ownerReferences: [] }, spec: { volumes } },
      'kubernetes',
    )
  }

  /** The lock is taken. */
  hold(holder: Holder): void {
    const { record } = this
    if (record === undefined) return
    const data = formatRecord({ number: holder.number, holder, entries: {} })
    this.server.update('ConfigMap', { ...record, data }, FIELD_MANAGER)
  }

  /** Somebody else writes the pod. */
  touch(name: string): void {
    const pod = this.server.get('Pod', name)
    if (pod !== undefined) this.server.update('Pod', pod, 'kubelet')
  }

  grantOn(name: string): string | undefined {
    return this.server.get('Pod', name)?.metadata.annotations?.['migrate.io/grant']
  }

  get record(): ConfigMap | undefined {
    return this.server.get('ConfigMap', lockConfigMapName('web'))
  }

  /** @param view what the watch shows; default: what is stored */
  context(view?: readonly Pod[]): ReconcileContext {
    return {
      api: apiOf(this.server, async (call) => {
        this.calls.push(call.text)
        this.before(call)
        return call.carryOut()
      }),
      view: {
        pods: (key) => (view ?? this.server.all('Pod')).filter((pod) => keyText(keyOf(pod) ?? KEY) === keyText(key)),
      },
      now: () => this.now,
      random: () => 0.5,
      waiters: this.waiters,
      report: (event) => this.reported.push(event.kind === 'problem' ? `problem ${event.reason}` : event.kind),
    }
  }
}
