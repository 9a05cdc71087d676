import { isObject, type Json, type JsonObject } from '../json.ts'
import type { PodTemplate } from './deployment.ts'
import { identify, type Problem } from './problem.ts'

/** What kubelet says of its node's system; the second is the first one's name before Kubernetes 1.14, and is still there. */
const SYSTEM_LABELS = ['kubernetes.io/os', 'beta.kubernetes.io/os']
/** Only nodes with Windows have it. */
const BUILD_LABEL = 'node.kubernetes.io/windows-build'

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'

/** The pods of a template that can only run on Windows, by whichever field says so. One report for each such field. */
export function windowsProblems({ spec }: PodTemplate): readonly Problem[] {
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
      'takes Windows nodes only ("windows"), where the wrapper, a POSIX shell script, cannot run; remove the migrate.io/ annotations',
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
