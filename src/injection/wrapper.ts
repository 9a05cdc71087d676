import { createHash } from 'node:crypto'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { FILES_PATH, FILES_VOLUME, INIT_CONTAINER, MESSAGE_PATH, STATE_PATH, STATE_VOLUME } from '../names.ts'
import { escapeExpansion } from './command.ts'
import type { Container, PodTemplate, VolumeMount } from './deployment.ts'
import { findInitContainer, isInjectedVolume } from './parts.ts'
import { WRAPPER } from './wrapper.generated.ts'

/** The wrapper script as it stands in a manifest. Kubernetes expands it to wrapper.sh without its comments. */
export const SCRIPT = escapeExpansion(WRAPPER)

/** A version's wrapper: the script with all that it needs of its container, which is the same for each Deployment. */
export interface Wrapper extends JsonObject {
  /** What comes before the timeout and the user's command. */
  readonly command: readonly string[]
  readonly volumeMounts: readonly VolumeMount[]
  readonly terminationMessagePath: string
  readonly terminationMessagePolicy: string
}

/** @param script as it stands in a manifest */
export function wrapperOf(script: string): Wrapper {
  return {
    command: ['/bin/sh', '-c', script, INIT_CONTAINER],
    volumeMounts: [
      { name: FILES_VOLUME, mountPath: FILES_PATH, readOnly: true },
      { name: STATE_VOLUME, mountPath: STATE_PATH },
    ],
    // The controller learns from it which run it was, so its place is stated and not left to defaults.
    terminationMessagePath: MESSAGE_PATH,
    terminationMessagePolicy: 'File',
  }
}

export const PRESENT_WRAPPER = wrapperOf(SCRIPT)

/**
 * The fingerprint of each released wrapper. A template that comes back with one of these (rollout undo) keeps it, so that
 * its revision meets its record. Add the new one with each release that changes it; take none out.
 */
export const RELEASED: ReadonlySet<string> = new Set<string>([
  // 0.1.0, whose termination message was at /dev/termination-log
  '1d44a5bb30bccfdd481fa473a113c55653ab30fa1dd37fdd9756d117cf893eef',
])

/** The wrapper in a template that holds ours, of whichever version. */
export function findWrapper(template: PodTemplate): Wrapper | undefined {
  const container = findInitContainer(template)
  return container === undefined ? undefined : readWrapper(container)
}

function readWrapper(container: Container): Wrapper | undefined {
  const { command, terminationMessagePath, terminationMessagePolicy } = container
  if (!isTexts(command) || typeof terminationMessagePath !== 'string' || typeof terminationMessagePolicy !== 'string')
    return undefined
  const volumeMounts = (container.volumeMounts ?? []).filter(({ name }) => isInjectedVolume(name))
  // Without the timeout, which is the Deployment's own.
  return { command: command.slice(0, -1), volumeMounts, terminationMessagePath, terminationMessagePolicy }
}

/** How long one run may take by the init container in a template that holds ours, in seconds; undefined: without a limit. */
export function timeoutOf(template: PodTemplate): number | undefined {
  const command = findInitContainer(template)?.['command']
  const limit = Array.isArray(command) ? /^timeout=(\d+)$/.exec(String(command[4])) : null
  return limit === null ? undefined : Number(limit[1])
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** sha256 of script and shape, whatever the order of their keys. */
export function fingerprint(wrapper: Wrapper): string {
  const sorted = (_: string, value: Json) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value
  return createHash('sha256').update(JSON.stringify(wrapper, sorted)).digest('hex')
}
