import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A container image in a file, without a registry. */
export interface Image {
  /** As written in manifests. */
  readonly name: string
  /** An OCI image layout as a tar file, for `ctr -n k8s.io images import FILE`. May hold other images too. */
  readonly file: string
}

/** Who may be looked up in an image. The app runs as `app`. */
const USERS = {
  root: 0,
  app: 1000,
  postgres: 999, // as in the official postgres image, so that manifests fit both
  nobody: 65534,
  nonroot: 65532, // as in distroless images
}

/** The number of a user and of the group of that name, as a container's `user`. */
export function userOf(name: keyof typeof USERS): string {
  return `${USERS[name]}:${USERS[name]}`
}

/** Lines of /etc/passwd and /etc/group for users. */
export function passwdLines(names: readonly (keyof typeof USERS)[]): { passwd: string; group: string } {
  return {
    passwd: names.map((name) => `${name}:x:${userOf(name)}::/tmp:/bin/sh`).join('\n'),
    group: names.map((name) => `${name}:x:${USERS[name]}:`).join('\n'),
  }
}

/** Writes /etc/passwd and /etc/group into a root file system that has none. */
export function writeUsers(etc: string): void {
  const { passwd, group } = passwdLines(['root', 'app', 'postgres', 'nobody'])
  for (const [name, lines] of Object.entries({ passwd, group })) {
    writeFileSync(join(etc, name), `${lines}\n`)
    chmodSync(join(etc, name), 0o644) // whatever the umask is
  }
}
