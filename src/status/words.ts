import { exitCodeInWords } from '../lock/pod-state.ts'
import { span } from './age.ts'
import type { Findings } from './findings.ts'
import type { Situation } from './situation.ts'

/** What a sentence is made from: the findings about a Deployment, and how its reader would type commands. */
export interface Words extends Findings {
  readonly situation: Situation
  readonly name: string
  readonly namespace: string
  /** Of ours, such as `logs`, with this or another Deployment and the namespace. */
  readonly ours: (command: string, deployment?: string) => string
  /** Of kubectl's, with the namespace. */
  readonly kubectl: (command: string) => string
  /** How long ago; `for a while` where that is not known. */
  readonly ago: (at: number | undefined) => string
}

/** @param program as its user calls it: `migrate-io`, or `kubectl migrate-io` */
export function wordsOf(findings: Findings, situation: Situation, program: string): Words {
  const { name, namespace } = situation.facts.deployment.metadata
  return {
    ...findings,
    situation,
    name,
    namespace,
    ours: (command, deployment = name) => `${program} ${command} ${deployment} -n ${namespace}`,
    kubectl: (command) => `kubectl -n ${namespace} ${command}`,
    ago: (at) => (at === undefined ? 'a while' : span(situation.now - at)),
  }
}

/** How to go back; nothing where this is the first revision. */
export function undo({ situation, kubectl, name }: Pick<Words, 'situation' | 'kubectl' | 'name'>): readonly string[] {
  if (situation.replicaSets.length < 2) return []
  return [`Or go back to the revision before: ${kubectl(`rollout undo deployment/${name}`)}`]
}

const TIMEOUT_EXIT = 124

/** `exit code 3`, `exit code 137 (signal 9)`. */
export function exitInWords(code: number, isTimeout = code === TIMEOUT_EXIT): string {
  if (isTimeout) return `exit code ${code} (it ran longer than migrate.io/timeout)`
  if (code === 137) return 'exit code 137 (signal 9: killed, often for using too much memory)'
  return exitCodeInWords(code)
}

/** What Kubernetes said, after a colon; nothing where it said nothing. */
export function quoted(detail: string | undefined): string {
  return detail === undefined ? '' : `: ${detail}`
}

/** The image in a message, where it is known. */
export function imageInWords(image: string | undefined): string {
  return image === undefined ? 'The image' : `The image ${image}`
}
