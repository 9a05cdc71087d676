import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { MIGRATE_IO_NAME } from '../../support/cluster/images/migrate-io.ts'
import { root } from '../../support/tooling/root.ts'

const OVERLAYS = join(root, 'deploy/overlays')

export type Overlay = 'self-managed' | 'cert-manager' | 'own-certificate'

/**
 * Calls with the folder of an overlay: as it is, or, for an image of another name, of a kustomization on top of it, as people
 * have for a registry of their own.
 */
export async function withOverlay<T>(overlay: Overlay, image: string, use: (folder: string) => Promise<T>): Promise<T> {
  const original = join(OVERLAYS, overlay)
  if (image === MIGRATE_IO_NAME) return use(original)
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'migrate-io-overlay-')))
  const [newName, newTag] = nameAndTag(image)
  const kustomization = {
    resources: [relative(folder, original)], // kustomize takes no absolute paths
    images: [{ name: nameAndTag(MIGRATE_IO_NAME)[0], newName, newTag }],
  }
  try {
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function nameAndTag(image: string): [string, string] {
  const colon = image.lastIndexOf(':')
  return [image.slice(0, colon), image.slice(colon + 1)]
}
