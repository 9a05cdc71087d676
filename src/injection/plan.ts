import { posix } from 'node:path'
import { isObject, type Json, type JsonObject } from '../json.ts'
import {
  DEFAULT_CONTAINER_ANNOTATION,
  FILES_PATH,
  GRANT_ANNOTATION,
  MESSAGE_PATH,
  NUDGE_ANNOTATION,
  PREFIX,
  STATE_PATH,
} from '../names.ts'
import { readSettings, type Settings } from './annotations.ts'
import type { Container, DeploymentObject, PodSpec, PodTemplate, VolumeMount } from './deployment.ts'
import { clashes, isInjectedVolume } from './parts.ts'
import { identify, nearest, type Problem, quote } from './reasons.ts'
import { commandWarnings, misplacedWarnings } from './warnings.ts'

/** What the controller tells one pod, and why no template may say it to each of its pods. */
const POD_STATE: ReadonlyMap<string, string> = new Map([
  [GRANT_ANNOTATION, 'every pod of this template would believe that it may run'],
  [NUDGE_ANNOTATION, 'the pods of this template would start late where kubelet misses their grant'],
])

/** Volumes that kubelet mounts read-only whatever the mount says. */
const READ_ONLY_SOURCES = ['configMap', 'secret', 'downwardAPI', 'projected', 'image']

/** What the injected container has mounted, and as what. */
const OUR_PATHS = [
  [FILES_PATH, 'an injected volume'],
  [STATE_PATH, 'an injected volume'],
  [MESSAGE_PATH, "the injected container's termination message"],
] as const

/** What kubelet says of its node's system; the second is the first one's name before Kubernetes 1.14, and is still there. */
const SYSTEM_LABELS = ['kubernetes.io/os', 'beta.kubernetes.io/os']
/** Only nodes with Windows have it. */
const BUILD_LABEL = 'node.kubernetes.io/windows-build'
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'

/** What is to be injected. */
export interface Plan {
  readonly argv: readonly string[]
  /** The container whose image, env and mounts are used, as it stands in the template. */
  readonly target: Container
  /** Seconds. */
  readonly timeout: number | undefined
  readonly strategy: Settings['strategy']
}

interface Planned {
  /** Absent where some problem leaves nothing to inject. */
  readonly plan: Plan | undefined
  readonly problems: readonly Problem[]
  readonly warnings: readonly string[]
}

/**
 * Reads the annotations of a Deployment against its template.
 * @param template the template without ours (see `strip`), or as it came where ours is not in it.
 */
export function makePlan(deployment: DeploymentObject, template: PodTemplate): Planned {
  const { settings, problems: settingProblems } = readSettings(deployment.metadata.annotations)
  const warnings: string[] = []
  const problems = [...settingProblems]
  const target = findTarget(template, settings.container, problems, warnings)
  problems.push(...clashes(template), ...stateProblems(template))
  problems.push(...windowsProblems(template), ...gracePeriodProblems(template))
  if (target !== undefined) problems.push(...mountClashes(target, template.spec, containerPath(template, target)))
  warnings.push(...misplacedWarnings(template))

  const { command: argv, timeout, strategy } = settings
  const isBlocked = problems.some(({ reason }) => reason !== 'unknown-annotation' && reason !== 'bad-value')
  if (argv !== undefined && target !== undefined) warnings.push(...commandWarnings(argv, target, template))
  const plan = isBlocked || argv === undefined || target === undefined ? undefined : { argv, target, timeout, strategy }
  return { plan, problems, warnings }
}

function findTarget(
  template: PodTemplate,
  named: string | undefined,
  problems: Problem[],
  warnings: string[],
): Container | undefined {
  const { containers } = template.spec
  const find = (name: string) => containers.find((container) => container.name === name)
  if (named !== undefined) {
    const found = find(named)
    if (found !== undefined) return found
    const names = containers.map(({ name }) => name)
    const meant = nearest(named, names)
    const isInit = template.spec.initContainers?.some(({ name }) => name === named) === true
    const what = isInit
      ? `${quote(named)} is an init container, and the migration takes its image and environment from one of the containers.`
      : `the pod template has no container ${quote(named)}${meant === undefined ? '.' : `; did you mean ${meant}?`}`
    problems.push({
      reason: 'missing-container',
      path: `metadata.annotations[${PREFIX}container]`,
      message: `${what} Allowed: ${names.join(', ')}`,
      identity: identify('container', named),
    })
    return undefined
  }
  const preferred = template.metadata?.annotations?.[DEFAULT_CONTAINER_ANNOTATION]
  const first = containers[0]
  if (preferred === undefined) return first
  const found = find(preferred)
  if (found === undefined)
    warnings.push(
      `${DEFAULT_CONTAINER_ANNOTATION} names ${quote(preferred)}, which the pod template does not have: the migration uses container ${first?.name}; set ${PREFIX}container to choose another`,
    )
  return found ?? first
}

function containerPath(template: PodTemplate, container: Container): string {
  return `spec.template.spec.containers[${template.spec.containers.indexOf(container)}]`
}

/** State of single pods that stands in the template, such as a grant. */
export function stateProblems(template: PodTemplate): readonly Problem[] {
  return [...POD_STATE].flatMap(([key, consequence]) => {
    const value = template.metadata?.annotations?.[key]
    if (value === undefined) return []
    return [
      {
        reason: 'state-in-template' as const,
        path: `spec.template.metadata.annotations[${key}]`,
        message: `only the migrate.io controller writes this, and on pods only: ${consequence}; remove it`,
        identity: identify(key.slice(PREFIX.length), value),
      },
    ]
  })
}

/**
 * Kubernetes takes a pod object with no grace period away as soon as it is deleted, by a rollout or a drain as well, while
 * its containers still run: the end of a run would be seen too early.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-forced
 */
function gracePeriodProblems(template: PodTemplate): readonly Problem[] {
  const path = 'spec.template.spec.terminationGracePeriodSeconds'
  if (template.spec['terminationGracePeriodSeconds'] !== 0) return []
  return [
    {
      reason: 'no-grace-period',
      path,
      message:
        'is 0, so Kubernetes removes a deleted pod before its containers have ended, and the next migration could start while one is still running; allowed: 1 or more, or leave it out for the default of 30',
      identity: identify(path),
    },
  ]
}

/** Mounts of a container that leave no room for ours beside them. `path` is where the container stands in the manifest. */
function mountClashes(container: Container, spec: PodSpec, path: string): readonly Problem[] {
  return (container.volumeMounts ?? []).flatMap((mount, i) => {
    const message = clash(mount, spec)
    return message === undefined
      ? []
      : [
          {
            reason: 'name-clash',
            path: `${path}.volumeMounts[${i}]`,
            message,
            identity: identify(container.name, mount, message),
          },
        ]
  })
}

function clash(mount: VolumeMount, spec: PodSpec): string | undefined {
  if (isInjectedVolume(mount.name))
    return `mounts the volume ${mount.name}, whose name is reserved for an injected volume; rename the volume`
  const at = normalize(mount.mountPath)
  for (const [ours, what] of OUR_PATHS) {
    if (at === ours || at.startsWith(`${ours}/`))
      return `mounts ${mount.mountPath}, but ${ours} is reserved for ${what}; mount it elsewhere`
    if (isAbove(at, ours) && isReadOnly(mount, spec))
      return `mounts ${mount.mountPath} read-only, so ${ours} can't be created in it; mount it elsewhere, or make it writable`
  }
  return undefined
}

/** `/var/run` is a link to `/run` in nearly every image. */
function normalize(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/(?<=.)\/$/, '')
  return clean.replace(/^\/var\/run(?=\/|$)/, '/run')
}

function isAbove(path: string, other: string): boolean {
  return path === '/' || other.startsWith(`${path}/`)
}

function isReadOnly(mount: VolumeMount, spec: PodSpec): boolean {
  if (mount['readOnly'] === true) return true
  const volume = spec.volumes?.find(({ name }) => name === mount.name)
  return (
    volume !== undefined &&
    Object.entries(volume).some(
      ([source, value]) => READ_ONLY_SOURCES.includes(source) || (isObject(value) && value['readOnly'] === true),
    )
  )
}

/** The pods of a template that can only run on Windows, by whichever field says so. One report for each such field. */
function windowsProblems({ spec }: PodTemplate): readonly Problem[] {
  const { os, nodeSelector } = spec
  const places = [
    ...(os?.['name'] === 'windows' ? ['os.name'] : []),
    ...SYSTEM_LABELS.filter((label) => nodeSelector?.[label] === 'windows').map((label) => `nodeSelector[${label}]`),
    ...(nodeSelector?.[BUILD_LABEL] === undefined ? [] : [`nodeSelector[${BUILD_LABEL}]`]),
    ...(isWindowsRequired(spec['affinity']) ? [`affinity.nodeAffinity.${REQUIRED}`] : []),
  ].map((place) => `spec.template.spec.${place}`)
  return places.map((path) => ({
    reason: 'windows',
    path,
    message:
      'allows Windows nodes only ("windows"), where the wrapper, a POSIX shell script, cannot run; remove the migrate.io/ annotations',
    identity: identify(path),
  }))
}

/** A pod may go where any of the terms fits. One that fits no node at all says nothing about Windows. */
function isWindowsRequired(affinity: Json | undefined): boolean {
  const terms = listAt(objectAt(objectAt(affinity, 'nodeAffinity'), REQUIRED), 'nodeSelectorTerms')
  return terms.some((term) => fits(term, 'windows')) && !terms.some((term) => fits(term, 'linux'))
}

/** All expressions of a term have to hold. An empty term fits nothing. Rule: core/v1 NodeSelectorTerm. */
function fits(term: Json, system: 'linux' | 'windows'): boolean {
  const expressions = listAt(term, 'matchExpressions')
  const isEmpty = expressions.length === 0 && listAt(term, 'matchFields').length === 0
  return !isEmpty && expressions.every((expression) => holds(expression, system))
}

/**
 * Whether an expression may hold for a node of that system:
 *
 * | operator     | a system label     | the build label  | any other label |
 * |--------------|--------------------|------------------|-----------------|
 * | In           | it is listed       | on Windows       | yes             |
 * | NotIn        | it is not listed   | yes              | yes             |
 * | Exists       | yes                | on Windows       | yes             |
 * | DoesNotExist | no                 | on Linux         | yes             |
 */
function holds(expression: Json, system: 'linux' | 'windows'): boolean {
  if (!isObject(expression)) return true
  const { key, operator } = expression
  const isBuild = key === BUILD_LABEL
  if (!isBuild && !SYSTEM_LABELS.some((label) => label === key)) return true
  const isListed = listAt(expression, 'values').includes(system)
  switch (operator) {
    case 'In':
      return isBuild ? system === 'windows' : isListed
    case 'NotIn':
      return isBuild || !isListed
    case 'Exists':
      return !isBuild || system === 'windows'
    case 'DoesNotExist':
      return isBuild && system === 'linux'
    default:
      return true
  }
}

function objectAt(value: Json | undefined, key: string): JsonObject | undefined {
  const inner = isObject(value) ? value[key] : undefined
  return isObject(inner) ? inner : undefined
}

function listAt(value: Json | undefined, key: string): readonly Json[] {
  const inner = isObject(value) ? value[key] : undefined
  return Array.isArray(inner) ? inner : []
}
