import { posix } from 'node:path'
import { isObject } from '../json.ts'
import { FILES_PATH, MESSAGE_PATH, STATE_PATH } from '../names.ts'
import type { Container, PodSpec, VolumeMount } from './deployment.ts'
import { isOurVolume } from './parts.ts'
import { identify, type Problem } from './problem.ts'

/** Volumes that kubelet mounts read-only whatever the mount says. */
const READ_ONLY_SOURCES = ['configMap', 'secret', 'downwardAPI', 'projected', 'image']

/** What the injected container has mounted, and as what. */
const OUR_PATHS = [
  [FILES_PATH, 'an injected volume'],
  [STATE_PATH, 'an injected volume'],
  [MESSAGE_PATH, "the injected container's termination message"],
] as const

/** Mounts of a container that leave no room for ours beside them. `path` is where the container stands in the manifest. */
export function mountClashes(container: Container, spec: PodSpec, path: string): readonly Problem[] {
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
  if (isOurVolume(mount.name))
    return `mounts the volume ${mount.name}, whose name is kept for an injected volume; rename the volume`
  const at = normalize(mount.mountPath)
  for (const [ours, what] of OUR_PATHS) {
    if (at === ours || at.startsWith(`${ours}/`))
      return `mounts ${mount.mountPath}, but ${ours} is kept for ${what}; mount it elsewhere`
    if (isAbove(at, ours) && isReadOnly(mount, spec))
      return `mounts ${mount.mountPath} read-only, so that ${ours} cannot be made in it; mount it elsewhere, or writable`
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
