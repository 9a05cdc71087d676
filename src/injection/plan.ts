import { DEFAULT_CONTAINER_ANNOTATION, GRANT_ANNOTATION, NUDGE_ANNOTATION, PREFIX } from '../names.ts'
import { readSettings, type Settings } from './annotations.ts'
import type { Container, Deployment, PodTemplate } from './deployment.ts'
import { mountClashes } from './mounts.ts'
import { clashes } from './parts.ts'
import { identify, type Problem, quote } from './problem.ts'
import { nearest } from './suggestion.ts'
import { commandWarnings, misplacedWarnings } from './warnings.ts'
import { windowsProblems } from './windows.ts'

/** What is to be injected. */
export interface Plan {
  readonly argv: readonly string[]
  /** The container whose image, env and mounts are used, as it stands in the template. */
  readonly target: Container
  /** Seconds. */
  readonly timeout: number | undefined
  readonly strategy: Settings['strategy']
}

export interface Planned {
  /** Absent where some problem leaves nothing to inject. */
  readonly plan: Plan | undefined
  readonly problems: readonly Problem[]
  readonly warnings: readonly string[]
}

/**
 * Reads the annotations of a Deployment against its template.
 * @param template the template without ours (see `strip`), or as it came where ours is not in it.
 */
export function makePlan(deployment: Deployment, template: PodTemplate): Planned {
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

/** What the controller tells one pod, and why no template may say it to each of its pods. */
const POD_STATE: ReadonlyMap<string, string> = new Map([
  [GRANT_ANNOTATION, 'every pod of this template would believe that it may run'],
  [NUDGE_ANNOTATION, 'the pods of this template would start late where kubelet misses their grant'],
])

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
        'is 0, with which Kubernetes forgets a deleted pod before its containers have ended, so that the next migration could start beside one that still runs; allowed: 1 or more; or leave it out, for 30',
      identity: identify(path),
    },
  ]
}
