import { createHash } from 'node:crypto'
import { createReadStream, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PLAIN_MODES, packFolder } from './tar.ts'

/** What an image is made of. */
export interface ImageParts {
  /** With registry and tag, such as migrate.io/pause:test: containerd takes it as it is. */
  readonly name: string
  /** Tar files, lowest first. Images in one layout share the layers that are the same file. */
  readonly layers: readonly string[]
  readonly config: ImageConfig
}

/** The part of an image's configuration that says how it is run. Source: OCI image specification, config.md. */
export interface ImageConfig {
  /** Numeric, so that kubelet can tell that it isn't root. */
  readonly User?: string
  readonly Env: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly WorkingDir?: string
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly StopSignal?: string
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const MEDIA = 'application/vnd.oci.image'
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' } // else Go's name is Node's

/**
 * Writes images as one OCI image layout, packed into a tar file. The same parts give the same bytes.
 * Source: OCI image specification, image-layout.md; the annotations are those that containerd names images by.
 */
export async function writeLayout(file: string, images: readonly ImageParts[], scratch: string): Promise<void> {
  const layout = join(scratch, 'layout')
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const layers = new Map<string, Descriptor>()
  for (const layer of new Set(images.flatMap((image) => image.layers))) layers.set(layer, await addLayer(layout, layer))
  const manifests = images.map((image) => addManifest(layout, image, layers))
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  await packFolder(layout, file, PLAIN_MODES)
}

function addManifest(layout: string, { name, config, ...image }: ImageParts, known: ReadonlyMap<string, Descriptor>) {
  const layers = image.layers.map((layer) => known.get(layer))
  const platform = { architecture: ARCHITECTURES[process.arch] ?? process.arch, os: 'linux' }
  const diffs = layers.map((layer) => layer?.digest) // the layers aren't compressed, so these are the same
  const description = { created: new Date(0), ...platform, config, rootfs: { type: 'layers', diff_ids: diffs } }
  const manifest = {
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: addJson(layout, `${MEDIA}.config.v1+json`, description),
    layers,
  }
  const annotations = {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  }
  return { ...addJson(layout, manifest.mediaType, manifest), platform, annotations }
}

async function addLayer(layout: string, layer: string): Promise<Descriptor> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(layer), hash)
  const hex = hash.digest('hex')
  linkSync(layer, join(layout, 'blobs/sha256', hex))
  return { mediaType: `${MEDIA}.layer.v1.tar`, digest: `sha256:${hex}`, size: statSync(layer).size }
}

function addJson(layout: string, mediaType: string, value: object): Descriptor {
  const text = JSON.stringify(value)
  const hex = createHash('sha256').update(text).digest('hex')
  writeFileSync(join(layout, 'blobs/sha256', hex), text)
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) }
}
