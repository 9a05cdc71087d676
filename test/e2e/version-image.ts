import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../src/migration/wrapper.ts'
import type { Image } from '../cluster/images/images.ts'
import { migrateIoImage } from '../cluster/images/migrate-io.ts'

const NAME = 'migrate.io/another-version'

/** The image of the source in another root. As versions differ, so do their names: a node has one image of a name. */
export function versionImage(root: string): Promise<Image> {
  const tag = sha256(readFileSync(join(root, 'src/migration/wrapper.ts'), 'utf8')).slice(0, 12)
  return migrateIoImage({ root, name: `${NAME}:${tag}` })
}
