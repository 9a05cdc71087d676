import { isObject, type Json, type JsonObject } from '../json.ts'
import { FILES_VOLUME, lockConfigMapName } from '../names.ts'
import type { Container, DeploymentObject, PodTemplate } from './deployment.ts'
import type { Sides } from './sides.ts'
import { isSecondTime } from './strategy.ts'

/** What the init container takes over from the app's container beside its mounts, and nothing else of it. */
export const COPIED = [
  'image',
  'imagePullPolicy',
  'env',
  'envFrom',
  'workingDir',
  'resources',
  'securityContext',
] as const

/**
 * What is recorded: all that is copied but image and pull policy, which the API server gives every container, so that no
 * webhook adds them.
 */
const RECORDED = ['env', 'envFrom', 'workingDir', 'resources', 'securityContext', 'volumeMounts'] as const

/** Where a list's items have an identity, which field that is. Other items are the same if they are equal. */
export const IDENTITY: Readonly<Record<string, string>> = { env: 'name', volumeMounts: 'mountPath' }
/** Stands for a value that is not recorded: a variable's may be a secret, and the key is enough. */
const A_VALUE = 0

/**
 * What an injection copies from a container, by key: fields and what is inside them, of a variable its name, of a mount its
 * path, of another item all that it says (a reference to a Secret, a capability). The same for a manifest and for what the
 * API server makes of it.
 */
export function keysOf(container: Container): JsonObject {
  const copied: Record<string, Json> = {}
  for (const key of RECORDED) {
    const [value, identity] = [container[key], IDENTITY[key]]
    const keys = identity === undefined ? stated(value, A_VALUE) : identities(value, identity)
    if (keys !== undefined) copied[key] = keys
  }
  return copied
}

function identities(list: Json | undefined, identity: string): Json | undefined {
  const items = Array.isArray(list) ? (list as readonly Json[]) : []
  return items.length === 0 ? undefined : items.map((item) => (isObject(item) ? (item[identity] ?? A_VALUE) : item))
}

/**
 * What a value says, in one order of keys and without the null, empty and absent that the API server takes for the same.
 * @param leaf stands for each value outside lists, where it is given
 */
function stated(value: Json | undefined, leaf?: Json): Json | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'object') return leaf ?? value
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => stated(item)).filter((item) => item !== undefined)
    return items.length === 0 ? undefined : items
  }
  const object: Record<string, Json> = {}
  for (const key of Object.keys(value).sort()) {
    const inner = stated((value as JsonObject)[key], leaf)
    if (inner !== undefined) object[key] = inner
  }
  return Object.keys(object).length === 0 ? undefined : object
}

/** Whether a value is the same to the API server as none: another webhook added nothing by it. */
export function saysNothing(value: Json): boolean {
  return stated(value) === undefined
}

/** The same text for two items of a list that are the same, whether a person wrote them or the API server. */
export function itemKey(item: Json, identity: string | undefined): string {
  const key = identity !== undefined && isObject(item) ? item[identity] : undefined
  return JSON.stringify(typeof key === 'string' ? key : (stated(item) ?? null))
}

/**
 * What earlier injections copied into the init container that came, as far as it is known: records by key, or containers.
 * What it has beside the app's container and beside all of these, another webhook added, and it stays. undefined: nothing is
 * known, and nothing stays, since a Secret that is left over may name another database.
 *
 * | request                                        | what is known                                                      |
 * |------------------------------------------------|--------------------------------------------------------------------|
 * | CREATE, or UPDATE of one that is not injected  | the object's own record                                            |
 * | UPDATE, asked a second time                    | the object's own record, which we wrote the first time             |
 * | UPDATE with another Deployment's init container | the object's own record, where it came along with that container  |
 * | UPDATE                                         | both records (`apply` may mix two containers), and the app's container as it is stored |
 *
 * @param target the app's container by its name, where no record names another
 */
export function knownCopies(sides: Sides, target: string): readonly JsonObject[] | undefined {
  const { wasHeld, record, claimed, bareBefore, now } = sides
  const own = claimed?.copied
  if (own !== undefined && isSecondTime(sides)) return [own]
  if (!isSecondTime(sides) && (!wasHeld || isOfAnother(now)))
    return own === undefined || claimed === record ? undefined : [own]
  // Also beside a record: a version that records nothing by key may have written the container since.
  const source = bareBefore?.spec.containers.find(({ name }) => name === (record?.container ?? target))
  return [own, record?.copied, source].filter((copied) => copied !== undefined)
}

/** Whether the template's parts were made for a Deployment of another name, as where a tool copies a template. */
function isOfAnother({ metadata: { name }, spec: { template } }: DeploymentObject): boolean {
  const mounted = mountedRecord(template)
  return mounted !== undefined && Boolean(name) && mounted !== lockConfigMapName(name as string)
}

/** The ConfigMap that the injected volume projects. */
function mountedRecord({ spec: { volumes } }: PodTemplate): Json | undefined {
  const projected = volumes?.find(({ name }) => name === FILES_VOLUME)?.['projected']
  const sources = isObject(projected) && Array.isArray(projected['sources']) ? projected['sources'] : []
  const configMaps = sources.map((source) => (isObject(source) ? source['configMap'] : undefined))
  return configMaps.find(isObject)?.['name']
}
