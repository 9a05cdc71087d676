import type { Command } from 'commander'
import { isUserAnnotation } from '../injection/annotations.ts'
import { decideInjection, type InjectionDecision } from '../injection/decide.ts'
import { type PodTemplate, readDeployment } from '../injection/deployment.ts'
import { findInitContainer, holdsInjectedParts, isInjectedVolume } from '../injection/parts.ts'
import { INJECTION_REASONS } from '../injection/reasons.ts'
import { equal, type JsonObject } from '../json.ts'
import { INIT_CONTAINER } from '../names.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { transformOrFail } from './inject-action.ts'
import { misplacedIn, sharedCommands, unserved } from './notices.ts'
import type { Decided } from './transform.ts'

const VERDICTS: Readonly<Record<InjectionDecision['kind'], string>> = {
  injected: 'would be injected',
  kept: 'would stay injected as it is',
  stripped: 'would have its migration removed',
  untouched: 'would be left alone',
  refused: 'would be refused',
}

/** Prints for each Deployment in the manifests what would become of it, and why. */
export async function explain(command: Command, filename: readonly string[]): Promise<void> {
  const { decided, others } = await transformOrFail(command, filename, (object) =>
    decideInjection({ object, optedIn: true }),
  )
  if (decided.length === 0) process.stdout.write('No apps/v1 Deployment found.\n')
  const lines = [
    ...decided.flatMap(explanation),
    ...others.flatMap(({ place, value }) => {
      const why = unserved(value)
      return why === undefined ? [] : [`${place}: would be left alone, though it is annotated, because ${why}`]
    }),
    ...sharedCommands(decided).map((text) => `warning: ${text}`),
  ]
  for (const line of lines) process.stdout.write(`${line}\n`)
  if (decided.some(({ decision }) => decision.kind === 'refused')) process.exitCode = EXIT_REFUSED
}

function explanation({ place, value, decision }: Decided): readonly string[] {
  const verdict = decision.kind === 'injected' ? injectedVerdict(value, decision.deployment) : VERDICTS[decision.kind]
  const because = decision.reason === 'injected' ? '' : `, because ${INJECTION_REASONS[decision.reason]}`
  const details =
    decision.kind === 'refused'
      ? decision.problems
      : decision.kind === 'untouched'
        ? []
        : settings(value, decision.deployment)
  return [
    `${place}: ${verdict}${because}`,
    ...details.map((line) => `  ${line}`),
    ...[...decision.warnings, ...misplacedIn(value)].map((warning) => `  warning: ${warning}`),
  ]
}

function injectedVerdict(before: JsonObject, after: JsonObject): string {
  if (after === before) return 'is injected already and would stay as it is'
  const asked = readDeployment(before)
  return 'spec' in asked && holdsInjectedParts(asked.spec.template)
    ? 'is injected already and would be injected again, since it differs from what is injected now'
    : VERDICTS.injected
}

/** What was asked for, and what would change for it in the Deployment itself and in what is injected already. */
function settings(before: JsonObject, after: JsonObject): readonly string[] {
  const [asked, would] = [readDeployment(before), readDeployment(after)]
  if (!('spec' in asked) || !('spec' in would)) return []
  const annotations = Object.entries(asked.metadata.annotations ?? {}).filter(([key]) => isUserAnnotation(key))
  const fields = (['strategy', 'progressDeadlineSeconds'] as const).flatMap((field) => {
    const [from, to] = [JSON.stringify(asked.spec[field] ?? null), JSON.stringify(would.spec[field] ?? null)]
    return from === to ? [] : [`spec.${field}: ${to} instead of ${from === 'null' ? 'nothing stated' : from}`]
  })
  const { template } = asked.spec
  const parts = holdsInjectedParts(template) ? changedParts(template, would.spec.template) : []
  return [...annotations.map(([key, value]) => `${key}: ${value}`), ...fields, ...parts]
}

/** Names of fields only: a variable's value may be a secret. */
function changedParts(before: PodTemplate, after: PodTemplate): readonly string[] {
  const present: JsonObject = findInitContainer(before) ?? {}
  const fresh: JsonObject = findInitContainer(after) ?? {}
  const keys = [...new Set([...Object.keys(present), ...Object.keys(fresh)])]
  const changed = keys.filter((key) => !equal(present[key], fresh[key]))
  const ours = ({ spec }: PodTemplate) => (spec.volumes ?? []).filter(({ name }) => isInjectedVolume(name))
  return [
    ...(changed.length === 0 ? [] : [`init container ${INIT_CONTAINER}: ${changed.join(', ')} would change`]),
    ...(equal(ours(before), ours(after)) ? [] : ['the injected volumes would change']),
  ]
}
