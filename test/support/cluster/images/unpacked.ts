import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { ImageConfig } from './layout.ts'

/** An image as found in a layout, all digests and sizes checked. */
export interface FoundImage {
  readonly name: string
  readonly config: ImageConfig & { readonly Labels?: Readonly<Record<string, string>> }
  /** Paths of the layers' tar files, lowest first. */
  readonly layers: readonly string[]
  /** As they are in the layout, compressed or not: what a registry holds and a node pulls. */
  readonly layerBytes: readonly number[]
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * Reads an OCI image layout from a tar file, unpacked into `folder`.
 * @throws Error if what a descriptor names is missing or is something else
 */
export function readLayout(file: string, folder: string): FoundImage[] {
  mkdirSync(folder)
  execFileSync('tar', ['--extract', `--file=${file}`, `--directory=${folder}`])
  const { imageLayoutVersion } = JSON.parse(readFileSync(join(folder, 'oci-layout'), 'utf8')) as Record<string, string>
  if (imageLayoutVersion !== '1.0.0') throw new Error(`unknown layout version ${imageLayoutVersion}`)
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: Descriptor[] }
  return index.manifests.map((found) => {
    const manifest = readJson<{ config: Descriptor; layers: Descriptor[] }>(folder, found)
    const description = readJson<{ config: FoundImage['config']; rootfs: { diff_ids: string[] } }>(
      folder,
      manifest.config,
    )
    const layers = manifest.layers.map((layer) => unpacked(layer, checked(folder, layer)))
    const digests = layers.map((layer) => digestOf(readFileSync(layer)))
    if (String(description.rootfs.diff_ids) !== String(digests)) throw new Error('the layers are not those described')
    return {
      name: found.annotations?.['io.containerd.image.name'] ?? '',
      config: description.config,
      layers,
      layerBytes: manifest.layers.map(({ size }) => size),
    }
  })
}

/** One line for each entry of a tar file, as `tar --list --verbose` has it. */
export function listTar(file: string): string[] {
  const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const
  return execFileSync('tar', ['--list', '--verbose', '--numeric-owner', `--file=${file}`], options)
    .trim()
    .split('\n')
}

function readJson<T>(folder: string, descriptor: Descriptor): T {
  return JSON.parse(readFileSync(checked(folder, descriptor), 'utf8')) as T
}

function checked(folder: string, { digest, size }: Descriptor): string {
  const path = join(folder, 'blobs', digest.replace(':', '/'))
  const content = readFileSync(path)
  if (digestOf(content) !== digest || content.length !== size)
    throw new Error(`${path} is not what its descriptor says`)
  return path
}

/** The path of the layer's tar file. */
function unpacked({ mediaType }: Descriptor, path: string): string {
  if (!mediaType.endsWith('+gzip')) return path
  writeFileSync(`${path}.tar`, gunzipSync(readFileSync(path)))
  return `${path}.tar`
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
