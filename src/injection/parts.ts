import { isObject, type Json, type JsonObject, link, set, without } from '../json.ts'
import {
  APPARMOR_PREFIX,
  FILES_VOLUME,
  INIT_CONTAINER,
  PROTOCOL_LABEL,
  SAFE_TO_EVICT_VOLUMES_ANNOTATION,
  STATE_VOLUME,
} from '../names.ts'
import type { Container, PodSpec, PodTemplate } from './deployment.ts'
import { identify, type Problem } from './reasons.ts'

/**
 * Whether a template holds what was injected: the init container that mounts both volumes, the volumes and the label
 * together. Any of them alone belongs to somebody else.
 */
export function holdsInjectedParts(template: PodTemplate): boolean {
  const mounts = findInitContainer(template)?.volumeMounts ?? []
  const mounted = (name: string) => mounts.some((mount) => mount.name === name)
  const volumes = template.spec.volumes ?? []
  return (
    mounted(FILES_VOLUME) &&
    mounted(STATE_VOLUME) &&
    volumes.some((volume) => volume.name === FILES_VOLUME) &&
    volumes.some((volume) => volume.name === STATE_VOLUME) &&
    Object.hasOwn(template.metadata?.labels ?? {}, PROTOCOL_LABEL)
  )
}

/** The injected init container, or whatever has its name. */
export function findInitContainer(template: PodTemplate): Container | undefined {
  return template.spec.initContainers?.find((container) => container.name === INIT_CONTAINER)
}

export function isInjectedVolume(name: string): boolean {
  return name === FILES_VOLUME || name === STATE_VOLUME
}

/** The template as its user wrote it: all that bears our names is taken out, with lists and mappings left empty by that. */
export function strip(template: PodTemplate): PodTemplate {
  const { initContainers, volumes } = template.spec
  let spec = replaceList(template.spec, 'initContainers', initContainers, ({ name }) => name !== INIT_CONTAINER)
  spec = replaceList(spec, 'volumes', volumes, ({ name }) => !isInjectedVolume(name))
  return link(stripMetadata(template), 'spec', spec)
}

/** The same without the label only, where nothing else of ours is there. */
export function stripLabel(template: PodTemplate): PodTemplate {
  return setInMap(template, 'labels', PROTOCOL_LABEL, undefined)
}

function stripMetadata(template: PodTemplate): PodTemplate {
  const list = template.metadata?.annotations?.[SAFE_TO_EVICT_VOLUMES_ANNOTATION]
  const others = (list ?? '').split(',').filter((name) => name !== STATE_VOLUME)
  const kept = others.length === 0 ? undefined : others.join(',')
  const evictable = setInMap(
    stripLabel(template),
    'annotations',
    SAFE_TO_EVICT_VOLUMES_ANNOTATION,
    list === undefined ? undefined : kept,
  )
  return setInMap(evictable, 'annotations', APPARMOR_PREFIX + INIT_CONTAINER, undefined)
}

function replaceList<Item extends JsonObject>(
  spec: PodSpec,
  key: 'initContainers' | 'volumes',
  items: readonly Item[] | null | undefined,
  isTheirs: (item: Item) => boolean,
): PodSpec {
  const kept = (items ?? []).filter(isTheirs)
  if (kept.length === (items ?? []).length) return spec
  return kept.length === 0 ? without(spec, key) : link(spec, key, kept)
}

/** Sets or removes one label or annotation of a template. A mapping left empty by a removal goes too. */
export function setInMap(
  template: PodTemplate,
  map: 'labels' | 'annotations',
  key: string,
  value: string | undefined,
): PodTemplate {
  const before: JsonObject = template.metadata?.[map] ?? {}
  const after = set(before, key, value)
  if (after === before) return template
  const isEmpty = Object.keys(after).length === 0
  const metadata = set<JsonObject>(template.metadata ?? {}, map, isEmpty ? undefined : after)
  return Object.keys(metadata).length === 0 ? without(template, 'metadata') : link(template, 'metadata', metadata)
}

/**
 * Fields of a Deployment that a manifest states with nothing in them, and that hold the injected parts now, each by its name:
 * `[]`, `{}` or null. An API server leaves such fields out, but in a file they are to come back as they were.
 */
export type EmptyFields = Readonly<Record<string, Json>>

/** What holds each field that the injected parts go into. */
const HOLDERS: readonly (readonly [field: string, ...path: readonly string[]])[] = [
  ['strategy'],
  ['progressDeadlineSeconds'],
  ['metadata', 'template'],
  ['annotations', 'template', 'metadata'],
  ['labels', 'template', 'metadata'],
  ['initContainers', 'template', 'spec'],
  ['volumes', 'template', 'spec'],
]

/** @param spec of a Deployment in which nothing is injected yet */
export function emptyFields(spec: JsonObject): EmptyFields | undefined {
  const empty = HOLDERS.flatMap(([field, ...path]): [string, Json][] => {
    const value = path.reduce<Json | undefined>((inner, key) => (isObject(inner) ? inner[key] : undefined), spec)
    const found = isObject(value) ? value[field] : undefined
    // An empty strategy is kept as what the user states, in a field of its own.
    return found === null || (path.length > 0 && isEmpty(found)) ? [[field, found]] : []
  })
  return empty.length === 0 ? undefined : Object.fromEntries(empty)
}

/** @param spec without the injected parts; a field that has something in it by now stays as it is */
export function withEmptyFields<T extends JsonObject>(spec: T, empty: EmptyFields | undefined): T {
  return HOLDERS.reduce<T>((result, [field, ...path]) => {
    const value = empty?.[field]
    return value === undefined ? result : addAt(result, path, field, value)
  }, spec)
}

function addAt<T extends JsonObject>(object: T, [key, ...rest]: readonly string[], field: string, value: Json): T {
  if (key === undefined) return Object.hasOwn(object, field) ? object : link(object, field, value)
  const inner = object[key]
  return isObject(inner) ? link(object, key, addAt(inner, rest, field, value)) : object
}

export function isEmpty(value: Json | undefined): value is Json {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

/** What stands where our parts would go, in a template that does not hold ours. */
export function clashes(template: PodTemplate): readonly Problem[] {
  const problems: Problem[] = []
  const report = (path: string, name: string, what: string) =>
    problems.push({
      reason: 'name-clash',
      path,
      message: `the name ${name} is reserved for the injected ${what}; rename it, or remove it if it is left over from an injection`,
      identity: identify(what, name),
    })
  const { containers, initContainers, volumes } = template.spec
  for (const [list, items] of Object.entries({ containers, initContainers }))
    items?.forEach((container, i) => {
      if (container.name === INIT_CONTAINER)
        report(`spec.template.spec.${list}[${i}].name`, INIT_CONTAINER, 'init container')
    })
  volumes?.forEach((volume, i) => {
    if (isInjectedVolume(volume.name)) report(`spec.template.spec.volumes[${i}].name`, volume.name, 'volume')
  })
  return problems
}
