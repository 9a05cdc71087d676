import { createHash } from 'node:crypto'
import { escapeExpansion } from './command.ts'
import type { PodTemplate } from './deployment.ts'
import { findOurs } from './parts.ts'
import { WRAPPER } from './wrapper.generated.ts'

/** The wrapper script as it stands in a manifest. Kubernetes expands it to wrapper.sh without its comments. */
export const SCRIPT = escapeExpansion(WRAPPER)

/**
 * sha256 of the script of each release, as it stands in manifests. A template that comes back with one of these (rollout
 * undo) keeps it, so that its revision meets its record. Add the new one with each release that changes it; take none out.
 */
export const RELEASED: ReadonlySet<string> = new Set<string>([])

/** The script in a template that holds ours. */
export function scriptOf(template: PodTemplate): string | undefined {
  const command = findOurs(template)?.['command']
  const script = Array.isArray(command) ? command[2] : undefined
  return typeof script === 'string' ? script : undefined
}

/** How long one run may take by the init container in a template that holds ours, in seconds; undefined: without a limit. */
export function timeoutOf(template: PodTemplate): number | undefined {
  const command = findOurs(template)?.['command']
  const limit = Array.isArray(command) ? /^timeout=(\d+)$/.exec(String(command[4])) : null
  return limit === null ? undefined : Number(limit[1])
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
