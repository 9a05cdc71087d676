import { exitCodeInWords } from '../lock/pod-state.ts'
import type { Findings } from './findings.ts'
import type { Situation } from './situation.ts'

const TIMEOUT_EXIT = 124
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS

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
  return [`Or go back to the previous revision: ${kubectl(`rollout undo deployment/${name}`)}`]
}

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

/**
 * A span of time as kubectl prints it: two units where the first is small, else one.
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/util/duration/duration.go (HumanDuration)
 */
export function span(ms: number): string {
  if (ms < 0) return '0s'
  const whole = (unit: number) => Math.floor(ms / unit)
  const rest = (unit: number, within: number, letter: string) => {
    const count = Math.floor((ms % within) / unit)
    return count === 0 ? '' : `${count}${letter}`
  }
  if (ms < 2 * MINUTE_MS) return `${whole(SECOND_MS)}s`
  if (ms < 10 * MINUTE_MS) return `${whole(MINUTE_MS)}m${rest(SECOND_MS, MINUTE_MS, 's')}`
  if (ms < 3 * HOUR_MS) return `${whole(MINUTE_MS)}m`
  if (ms < 8 * HOUR_MS) return `${whole(HOUR_MS)}h${rest(MINUTE_MS, HOUR_MS, 'm')}`
  if (ms < 2 * DAY_MS) return `${whole(HOUR_MS)}h`
  if (ms < 8 * DAY_MS) return `${whole(DAY_MS)}d${rest(HOUR_MS, DAY_MS, 'h')}`
  if (ms < 2 * YEAR_MS) return `${whole(DAY_MS)}d`
  if (ms < 8 * YEAR_MS) return `${whole(YEAR_MS)}y${rest(DAY_MS, YEAR_MS, 'd')}`
  return `${whole(YEAR_MS)}y`
}
