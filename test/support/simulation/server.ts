import { type Api, KubeError, type New, type Selection, type Version } from '../../../src/kube/api.ts'
import type { ConfigMap, Kind, Metadata, Objects, Pod } from '../../../src/kube/objects.ts'
import { KEPT } from '../../../src/lock/pod-projection.ts'
import { FIELD_MANAGER, GRANT_ANNOTATION, NUDGE_ANNOTATION } from '../../../src/names.ts'

type Stored = Objects[Kind]

/** An API server: objects by kind and name in one namespace, compare-and-swap, and every state a pod ever had. */
export class Server {
  readonly #objects = new Map<string, Stored>()
  /** By pod name: all its states, then undefined once it is gone. A watch may show any of them, late. */
  readonly podHistory = new Map<string, (Pod | undefined)[]>()
  /** By ConfigMap name: all data it ever had. */
  readonly dataHistory = new Map<string, Record<string, string>[]>()
  /** The controllers are of a version that did not write with a grant under which named lock it is. */
  grantsNameNoLock = false
  #version = 0
  #uid = 0
  /** The time that is noted on a pod when it is told something, in milliseconds since 1970; undefined: none is noted. */
  now: (() => number) | undefined
  /** Called for each change, with what was there before. */
  onChange: (kind: Kind, before: Stored | undefined, after: Stored | undefined, by: string) => void = () => {}

  get<K extends Kind>(kind: K, name: string): Objects[K] | undefined {
    return this.#objects.get(`${kind}/${name}`) as Objects[K] | undefined
  }

  all<K extends Kind>(kind: K): Objects[K][] {
    const found: Objects[K][] = []
    for (const [path, object] of this.#objects) if (path.startsWith(`${kind}/`)) found.push(object as Objects[K])
    return found
  }

  list<K extends Kind>(kind: K, { labelSelector, fieldSelector }: Selection): Objects[K][] {
    const labels = (labelSelector ?? '')
      .split(',')
      .filter(Boolean)
      .map((each) => each.split('='))
    if (fieldSelector !== undefined) throw new Error(`unknown field selector ${fieldSelector}`)
    return this.all(kind).filter((object) =>
      labels.every(([key = '', value]) => object.metadata.labels?.[key] === value),
    )
  }

  create<K extends Kind>(kind: K, object: New<Objects[K]>, by: string): Objects[K] {
    const { name } = object.metadata
    if (this.get(kind, name)) throw new KubeError('conflict', `${kind} ${name} exists`)
    const created = {
      ...object,
      metadata: { ...object.metadata, uid: `uid-${++this.#uid}`, resourceVersion: this.#next() },
    } as unknown as Objects[K]
    return this.#store(kind, undefined, created, by)
  }

  /** Compare-and-swap. */
  replace<K extends Kind>(kind: K, object: Objects[K], by: string): Objects[K] {
    const before = this.get(kind, object.metadata.name)
    const { uid, resourceVersion } = object.metadata
    if (before?.metadata.uid !== uid || before.metadata.resourceVersion !== resourceVersion)
      throw new KubeError('conflict', `${kind} ${object.metadata.name} is another by now`)
    return this.update(kind, object, by)
  }

  annotate(pod: Version, annotations: Record<string, string | null>, by: string): Pod {
    const before = this.get('Pod', pod.name)
    if (before?.metadata.uid !== pod.uid || before.metadata.resourceVersion !== pod.resourceVersion)
      throw new KubeError('conflict', `pod ${pod.name} is another by now`)
    const { [GRANT_ANNOTATION]: grant } = annotations
    const text =
      this.grantsNameNoLock && typeof grant === 'string' ? { [GRANT_ANNOTATION]: grant.split('\n', 1)[0] ?? '' } : {}
    const all = Object.entries({ ...before.metadata.annotations, ...annotations, ...text })
    const kept = Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null))
    const time = this.now === undefined ? undefined : new Date(this.now()).toISOString()
    const managedFields = time === undefined ? undefined : [{ manager: by, time }]
    const metadata = { ...before.metadata, annotations: kept, ...(managedFields && { managedFields }) }
    return this.update('Pod', { ...before, metadata }, by)
  }

  /** Without looking at versions, as those do who send patches. */
  update<K extends Kind>(kind: K, object: Objects[K], by: string): Objects[K] {
    const before = this.get(kind, object.metadata.name)
    if (before === undefined) throw new KubeError('conflict', `${kind} ${object.metadata.name} is gone`)
    const metadata: Metadata = { ...object.metadata, resourceVersion: this.#next() }
    return this.#store(kind, before, { ...object, metadata }, by)
  }

  remove(kind: Kind, name: string, by: string): void {
    const before = this.get(kind, name)
    if (before === undefined) return
    this.#objects.delete(`${kind}/${name}`)
    if (kind === 'Pod') this.podHistory.get(name)?.push(undefined)
    this.onChange(kind, before, undefined, by)
  }

  #store<K extends Kind>(kind: K, before: Objects[K] | undefined, after: Objects[K], by: string): Objects[K] {
    const stored = kind === 'ConfigMap' ? (track(before as ConfigMap, after as ConfigMap, by) as Objects[K]) : after
    this.#objects.set(`${kind}/${stored.metadata.name}`, stored)
    if (kind === 'Pod') {
      const history = this.podHistory.get(stored.metadata.name)
      if (history) history.push(stored as Pod)
      else this.podHistory.set(stored.metadata.name, [stored as Pod])
    }
    if (kind === 'ConfigMap') {
      const history = this.dataHistory.get(stored.metadata.name) ?? []
      history.push((stored as ConfigMap).data ?? {})
      this.dataHistory.set(stored.metadata.name, history)
    }
    this.onChange(kind, before, stored, by)
    return stored
  }

  #next(): string {
    return String(++this.#version)
  }
}

/** Who wrote which key last: a key that is written as it was stays with whoever wrote it. */
function track(before: ConfigMap | undefined, after: ConfigMap, by: string): ConfigMap {
  const owners = new Map<string, string>()
  for (const { manager = '', fieldsV1 } of before?.metadata.managedFields ?? [])
    for (const field of Object.keys(fieldsV1?.['f:data'] ?? {})) owners.set(field.slice(2), manager)
  for (const key of owners.keys()) if (after.data?.[key] === undefined) owners.delete(key)
  for (const [key, value] of Object.entries(after.data ?? {})) if (before?.data?.[key] !== value) owners.set(key, by)
  const managers = [...new Set(owners.values())]
  const managedFields = managers.map((manager) => ({
    manager,
    fieldsV1: {
      'f:data': Object.fromEntries(
        [...owners].filter(([, owner]) => owner === manager).map(([key]) => [`f:${key}`, {}]),
      ),
    },
  }))
  return { ...after, metadata: { ...after.metadata, managedFields } }
}

/** A call to the API server: what it is, and what it does when the server carries it out. */
export interface Call {
  readonly text: string
  readonly isWrite: boolean
  carryOut(): unknown
}

/** The calls of a controller, each handed to `send`, which decides when it is carried out and answered. */
export function apiOf(server: Server, send: (call: Call) => Promise<unknown>): Api {
  const call = async <T>(text: string, isWrite: boolean, carryOut: () => T) =>
    (await send({ text, isWrite, carryOut })) as T
  const manager = FIELD_MANAGER
  return {
    read: (kind, _, name) =>
      call(`read ${kind} ${name}`, false, () => {
        const found = server.get(kind, name)
        return found === undefined ? undefined : kept(kind, found)
      }),
    list: (kind, selection, project) =>
      call(`list ${kind}`, false, () =>
        server
          .list(kind, selection)
          .map(project)
          .filter((kept) => kept !== undefined),
      ),
    create: (kind, object) =>
      call(`create ${kind} ${object.metadata.name} ${dataText(object)}`, true, () =>
        server.create(kind, object, manager),
      ),
    replace: (kind, object) =>
      call(`write ${kind} ${object.metadata.name} ${dataText(object)}`, true, () =>
        server.replace(kind, object, manager),
      ),
    annotatePod: (pod, annotations) =>
      call(
        `${NUDGE_ANNOTATION in annotations ? 'nudge' : 'tell'} ${pod.name} ${(Object.values(annotations)[0] ?? 'marks off').split('\n').join(', ')}`,
        true,
        () => kept('Pod', server.annotate(pod, annotations, manager)),
      ),
  }
}

/** As the controller keeps it: decisions rest on nothing else. */
function kept<K extends Kind>(kind: K, object: Objects[K]): Objects[K] {
  const project = KEPT[kind] as ((object: Objects[K]) => Objects[K]) | undefined
  return project === undefined ? object : project(object)
}

function dataText(object: object): string {
  return 'data' in object ? JSON.stringify(object.data) : ''
}
