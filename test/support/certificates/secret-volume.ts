import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A folder that changes as a mounted Secret does. */
export interface SecretVolume {
  readonly folder: string
  readonly files: { readonly certFile: string; readonly keyFile: string }
  /** From now on it holds these files. All at once: files are links through `..data`, which is switched. */
  show(contents: Readonly<Record<string, string>>): Promise<void>
}

/** Empty at first, as kubelet mounts an optional Secret that does not exist. */
export async function secretVolume(t: TestContext): Promise<SecretVolume> {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-volume-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  let version = 0
  return {
    folder,
    files: { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') },
    // kubelet's AtomicWriter: https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
    async show(contents) {
      const before = `..version_${version++}`
      const next = `..version_${version}`
      await mkdir(join(folder, next))
      for (const [name, text] of Object.entries(contents)) await writeFile(join(folder, next, name), text)
      await symlink(next, join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
      const shown = (await readdir(folder)).filter((name) => !name.startsWith('..'))
      for (const name of Object.keys(contents))
        if (!shown.includes(name)) await symlink(join('..data', name), join(folder, name))
      for (const name of shown) if (!(name in contents)) await rm(join(folder, name))
      await rm(join(folder, before), { recursive: true, force: true })
    },
  }
}
