import { type JsonObject, link, set } from '../json.ts'
import {
  APPARMOR_PREFIX,
  INIT_CONTAINER,
  PROTOCOL,
  PROTOCOL_LABEL,
  SAFE_TO_EVICT_VOLUMES_ANNOTATION,
  STATE_VOLUME,
} from '../names.ts'
import { keepAdditions, makeContainer } from './container.ts'
import type { PodTemplate, Volume } from './deployment.ts'
import { findOurs, setInMap } from './parts.ts'
import type { Plan } from './plan.ts'
import { makeVolumes } from './volumes.ts'
import type { Wrapper } from './wrapper.ts'

export interface InjectOptions {
  readonly wrapper: Wrapper
  /** undefined where it is not known yet (generateName). */
  readonly deploymentName: string | undefined
  /** What was copied into the init container that is in the template, if there is one; undefined where that is unknown. */
  readonly copies: readonly JsonObject[] | undefined
  /** The AppArmor profile by annotation stays as it came: versions before this one wrote none. */
  readonly keepsProfile?: boolean
}

/**
 * Puts the migration into a pod template.
 * @param template as it came, with ours in it or not; never with anybody else's under our names
 * @returns a template that shares all that is not ours with the one given
 */
export function inject(template: PodTemplate, plan: Plan, options: InjectOptions): PodTemplate {
  const present = findOurs(template)
  const fresh = makeContainer(plan, options.wrapper)
  const { copies } = options
  const container = present === undefined || copies === undefined ? fresh : keepAdditions(fresh, present, copies)
  const theirs = (template.spec.initContainers ?? []).filter(({ name }) => name !== INIT_CONTAINER)
  let spec = set(template.spec, 'initContainers', [...theirs, container])
  spec = set(spec, 'volumes', withVolumes(template.spec.volumes ?? [], makeVolumes(options.deploymentName)))
  const profileOf = options.keepsProfile === true ? INIT_CONTAINER : plan.target.name
  return link(injectMetadata(template, profileOf), 'spec', spec)
}

function withVolumes(present: readonly Volume[], ours: readonly Volume[]): readonly Volume[] {
  const replaced = present.map((volume) => ours.find(({ name }) => name === volume.name) ?? volume)
  return [...replaced, ...ours.filter(({ name }) => !present.some((volume) => volume.name === name))]
}

/** @param profileOf the container whose AppArmor profile the init container gets */
function injectMetadata(template: PodTemplate, profileOf: string): PodTemplate {
  const annotations = template.metadata?.annotations ?? {}
  const list = annotations[SAFE_TO_EVICT_VOLUMES_ANNOTATION]
  const names = list === undefined || list === '' ? [] : list.split(',')
  const value = names.includes(STATE_VOLUME) ? list : [...names, STATE_VOLUME].join(',')
  const annotated = setInMap(template, 'annotations', SAFE_TO_EVICT_VOLUMES_ANNOTATION, value)
  // What the profile allows the app, its migration may do, and no more: as securityContext, which is copied.
  const profile = annotations[APPARMOR_PREFIX + profileOf]
  const confined = setInMap(annotated, 'annotations', APPARMOR_PREFIX + INIT_CONTAINER, profile)
  return setInMap(confined, 'labels', PROTOCOL_LABEL, PROTOCOL)
}
