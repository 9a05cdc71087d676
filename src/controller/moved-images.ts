import type { Node, Pod } from '../kube/objects.ts'
import type { Key } from '../lock/key.ts'
import { revisionOfPod, statusOf } from '../lock/pod-state.ts'
import { completedOf, type LockRecord } from '../lock/record.ts'
import type { ReconcileContext, SeenImage } from './reconcile-context.ts'

/**
 * Images that pods were seen with, until their lock is reconciled next: pods of a recorded revision pass by so quickly that by
 * then they may be gone from the view. One pod for each image of a revision.
 */
export class SeenImages {
  readonly #byKey = new Map<string, Map<string, SeenImage>>()

  note(key: string, pod: Pod): void {
    const imageID = statusOf(pod)?.imageID ?? ''
    const node = pod.spec.nodeName
    const revision = revisionOfPod(pod)
    if (digestOf(imageID) === undefined || node === undefined || revision === '') return
    const images = this.#byKey.get(key) ?? new Map<string, SeenImage>()
    this.#byKey.set(key, images.set(`${revision} ${imageID}`, { pod: pod.metadata.name, node, revision, imageID }))
  }

  /** What was seen since the last time. */
  take(key: string): readonly SeenImage[] {
    const images = [...(this.#byKey.get(key)?.values() ?? [])]
    this.#byKey.delete(key)
    return images
  }
}

interface Digest {
  readonly of: 'manifest' | 'image'
  readonly text: string
}

/**
 * The digest in the `imageID` of a container's status: of the manifest, or of the list of manifests, that was pulled
 * (`repository@sha256:…`, with `docker-pullable://` before it under cri-dockerd), or of the image itself where the node knows
 * no other (`sha256:…`, `docker://sha256:…`, or the bare digits). The two can't be compared.
 */
export function digestOf(imageID: string | undefined): Digest | undefined {
  const [, repository, digits] = /^(?:[a-z-]+:\/\/)?(?:(.+)@)?(?:sha256:)?([0-9a-f]{64})$/.exec(imageID ?? '') ?? []
  if (digits === undefined) return undefined
  return { of: repository === undefined ? 'image' : 'manifest', text: `sha256:${digits}` }
}

/** What decides which digest of one and the same image a node shows: architecture and container runtime. */
export function platformOf(node: Node | undefined): string | undefined {
  const { architecture, containerRuntimeVersion } = node?.status?.nodeInfo ?? {}
  const runtime = containerRuntimeVersion?.split('://', 1)[0]
  return architecture && runtime ? `${architecture} ${runtime}` : undefined
}

/**
 * Reports pods of a recorded revision that start another image than its run had, as where a tag was moved: what that image
 * would migrate has not been run. Silent where the digests can't be compared.
 */
export async function reportMovedImages(
  record: Pick<LockRecord, 'entries'>,
  images: readonly SeenImage[],
  { platform, report }: Pick<ReconcileContext, 'platform' | 'report'>,
  key: Key,
): Promise<void> {
  for (const { pod, node, revision, imageID } of images) {
    const completed = completedOf(record.entries, revision)
    const [recorded, seen] = [digestOf(completed?.imageID), digestOf(imageID)]
    if (completed?.platform === undefined || recorded === undefined || recorded.of !== seen?.of) continue
    if (recorded.text === seen.text || (await platform?.(node)) !== completed.platform) continue
    report(
      { kind: 'image-moved', pod, revision, image: completed.image, migrated: recorded.text, starts: seen.text },
      key,
    )
  }
}
