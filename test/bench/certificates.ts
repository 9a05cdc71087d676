import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDevelopmentCertificates } from '../../certs/development.ts'

export interface Certificates {
  readonly folder: string
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** Writes a serving certificate for 127.0.0.1 and its CA into a folder, under the names that controller-runtime looks for. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const { ca, cert, key } = await makeDevelopmentCertificates({ names: ['127.0.0.1'] })
  const files = {
    folder,
    ca: join(folder, 'ca.crt'),
    certificate: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
  }
  writeFileSync(files.ca, ca)
  writeFileSync(files.certificate, cert)
  writeFileSync(files.key, key, { mode: 0o600 })
  return files
}
