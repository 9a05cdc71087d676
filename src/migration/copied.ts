import type { Container, Deployment, PodTemplate } from './deployment.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import { FILES_VOLUME, lockConfigMapName } from './names.ts'
import { isSecondTime } from './rollout.ts'
import type { Sides } from './sides.ts'

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

/** Where a list's items have an identity, which field that is. Other items are the same if they are equal. */
export const IDENTITY: Readonly<Record<string, string>> = { env: 'name', volumeMounts: 'mountPath' }

/** Stands for a value that is not recorded: a variable's may be a secret, and the key is enough. */
const A_VALUE = 0

/**
 * What an injection copies from a container, by key: fields and what is inside them, of a variable its name, of a mount its
 * path, of another item all that it says (a reference to a Secret, a capability).
 */
export function keysOf(container: Container): JsonObject {
  const fields = [...COPIED, 'volumeMounts'].filter((key) => container[key] !== undefined)
  return Object.fromEntries(fields.map((key) => [key, keys(container[key] ?? null, IDENTITY[key])]))
}

function keys(value: Json, identity: string | undefined): Json {
  if (Array.isArray(value))
    return (value as readonly Json[]).map((item) =>
      identity !== undefined && isObject(item) ? (item[identity] ?? A_VALUE) : item,
    )
  if (!isObject(value)) return A_VALUE
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, keys(inner, undefined)]))
}

/** The same text for two items of a list that are the same, whoever wrote them: without what the API server leaves out. */
export function itemKey(item: Json, identity: string | undefined): string {
  return identity !== undefined && isObject(item) && typeof item[identity] === 'string'
    ? JSON.stringify(item[identity])
    : canonical(item)
}

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const stated = Object.keys(value).filter((key) => value[key] !== null && value[key] !== '')
  return `{${stated
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`)
    .join()}}`
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
function isOfAnother({ metadata: { name }, spec: { template } }: Deployment): boolean {
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
