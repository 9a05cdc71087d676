import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Image } from '../cluster/images/images.ts'
import { migrateIoImage } from '../cluster/images/migrate-io.ts'

const NAME = 'migrate.io/another-version'

/** The image of the source in another root. As versions differ, so do their names: a node has one image of a name. */
export function versionImage(root: string): Promise<Image> {
  const hash = createHash('sha256').update(readFileSync(join(root, 'src/injection/wrapper.ts'), 'utf8'))
  const tag = hash.digest('hex').slice(0, 12)
  return migrateIoImage({ root, name: `${NAME}:${tag}` })
}
