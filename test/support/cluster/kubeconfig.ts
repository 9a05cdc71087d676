import { readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import type { Pair } from './authority.ts'
import { pkiFiles } from './certificates.ts'

/** Writes a kubeconfig with everything inside, so that the file can be copied elsewhere. */
export function writeKubeconfig(file: string, folder: string, url: string, user: Pair): void {
  const base64 = (path: string) => readFileSync(path).toString('base64')
  const name = 'migrate-io-test'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: url, 'certificate-authority-data': base64(pkiFiles(folder).ca.certificate) } },
    ],
    users: [
      {
        name,
        user: { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  writeFileSync(file, stringify(config), { mode: 0o600 })
}
