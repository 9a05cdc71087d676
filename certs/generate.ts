import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { DEFAULT_NAMES, type DevelopmentCertificates, makeDevelopmentCertificates } from './development.ts'

export { type DevelopmentCertificates, makeDevelopmentCertificates } from './development.ts'

const KEY_MODE = 0o600 // for the owner's eyes only
const CERTIFICATE_MODE = 0o644

/** Writes ca.crt, tls.crt and tls.key: the names of a Kubernetes TLS Secret. Each file changes at once, not half. */
export async function writeCertificates(folder: string, made: DevelopmentCertificates): Promise<void> {
  await mkdir(folder, { recursive: true })
  await write('ca.crt', made.ca, CERTIFICATE_MODE)
  await write('tls.crt', made.cert, CERTIFICATE_MODE)
  await write('tls.key', made.key, KEY_MODE)

  async function write(name: string, text: string, mode: number): Promise<void> {
    const file = join(folder, name)
    // A new file each time, since the mode of one that exists would stay as it is.
    await writeFile(`${file}.new`, text, { mode, flag: 'w' })
    await rename(`${file}.new`, file)
  }
}

async function main(): Promise<void> {
  const program = new Command('npm run certs --')
    .description(
      'Makes a development CA and a serving certificate (ECDSA P-256). Not for production: see certs/README.md.',
    )
    .option('--name <DNS-or-IP...>', `names of the server (default: ${DEFAULT_NAMES.join(', ')})`)
    .option('--out <folder>', 'where to write ca.crt, tls.crt and tls.key', join(import.meta.dirname, 'out'))
    .option('--days <n>', 'how long they are valid', wholeNumber, 90)
    .exitOverride((end) => process.exit(end.exitCode === 0 ? 0 : 2))
    .parse()
  const { name: names, out, days } = program.opts<{ name?: string[]; out: string; days: number }>()
  try {
    await writeCertificates(out, await makeDevelopmentCertificates({ days, ...(names && { names }) }))
  } catch (error) {
    if (error instanceof RangeError) program.error(`error: ${error.message}`)
    throw error
  }
  const folder = relative('', out) || '.'
  console.log(`Wrote ca.crt, tls.crt and tls.key to ${folder}, valid for ${days} days. Serve with them:

  migrate-io webhook --tls-cert-file ${join(folder, 'tls.crt')} --tls-private-key-file ${join(folder, 'tls.key')}`)
}

function wholeNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Must be a whole number.')
}

if (import.meta.main) await main()
