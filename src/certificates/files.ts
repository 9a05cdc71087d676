import { readFile as readFromDisk } from 'node:fs/promises'
import { CertificateError, type CertificateSource, checkedPair, type ServingPair, unusableAt } from './serving-pair.ts'

// Contents are compared, not times: Secret volumes change by switching a symlink. Served within 15 s (O1).
const POLL_MS = 5_000
const FIRST_POLL_MS = 1_000 // while there is none, and so nothing is served

interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

type ReadFile = (file: string) => Promise<string>

interface FilesOptions {
  /** Told once for each content that can't be used. */
  readonly onRefused: (error: CertificateError) => void
  readonly pollMs?: number
  /** The text of a file. Default: from disk. */
  readonly readFile?: ReadFile
}

/**
 * The serving certificate from two PEM files, read again every few seconds. Files that are missing or empty may come later: a
 * Secret that nobody has filled yet. New contents that are no good leave the last good pair in place.
 *
 * @throws CertificateError if the first look finds files that are there and no good.
 */
export async function certificateFromFiles(files: CertificateFiles, options: FilesOptions): Promise<CertificateSource> {
  const { onRefused, pollMs = POLL_MS, readFile = (file) => readFromDisk(file, 'utf8') } = options
  const first = await look(files, readFile)
  let whyNone = absence(files, first)
  let current = whyNone === undefined ? goodPair(first, files) : undefined
  let suspect = '' // a content that was no good at the last look
  let told = '' // the content that was last told about
  let timer: NodeJS.Timeout | undefined

  async function poll(use: (pair: ServingPair) => void): Promise<void> {
    const seen = await look(files, readFile)
    const id = identity(seen)
    if (current && id === identity({ kind: 'read', cert: current.cert, key: current.key })) {
      suspect = told = ''
      return
    }
    if (id === told) return
    const missing = current ? undefined : absence(files, seen)
    if (missing !== undefined) {
      whyNone = missing
      suspect = told = ''
      return
    }
    try {
      current = goodPair(seen, files)
      suspect = told = ''
      use(current)
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      // Somebody may be between the two files: it counts when it is still there at the next look.
      if (id === suspect) {
        told = id
        whyNone = error.message
        onRefused(error)
      }
      suspect = id
    }
  }

  return {
    get current() {
      return current
    },
    unusableAt: (now) => (current ? unusableAt(current, now) : `no certificate yet: ${whyNone}`),
    watch(use) {
      const again = () => {
        const delayMs = current ? pollMs : Math.min(pollMs, FIRST_POLL_MS)
        timer = setTimeout(() => void poll(use).finally(() => timer && again()), delayMs)
        timer.unref()
      }
      again()
    },
    stop() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

type Look =
  | { readonly kind: 'read'; readonly cert: string; readonly key: string }
  | { readonly kind: 'unreadable'; readonly file: string; readonly cause: unknown }

/** What has not come yet, as a sentence; undefined where both files hold something. */
function absence(files: CertificateFiles, seen: Look): string | undefined {
  if (seen.kind === 'unreadable') return codeOf(seen.cause) === 'ENOENT' ? `${seen.file} does not exist` : undefined
  const empty = seen.cert.trim() === '' ? files.certFile : seen.key.trim() === '' ? files.keyFile : undefined
  return empty === undefined ? undefined : `${empty} is empty`
}

async function look({ certFile, keyFile }: CertificateFiles, readFile: ReadFile): Promise<Look> {
  let file = certFile
  try {
    const cert = await readFile(file)
    file = keyFile
    return { kind: 'read', cert, key: await readFile(file) }
  } catch (cause) {
    return { kind: 'unreadable', file, cause }
  }
}

function goodPair(seen: Look, { certFile, keyFile }: CertificateFiles): ServingPair {
  if (seen.kind === 'read') return checkedPair({ cert: seen.cert, certName: certFile, key: seen.key, keyName: keyFile })
  const flag = seen.file === certFile ? '--tls-cert-file' : '--tls-private-key-file'
  throw new CertificateError(
    'CERTIFICATE_UNREADABLE',
    `cannot read ${seen.file} (${codeOf(seen.cause)}): check the path given as ${flag} and who may read the file`,
    { cause: seen.cause },
  )
}

/** Equal for equal contents. */
function identity(seen: Look): string {
  return seen.kind === 'read' ? JSON.stringify([seen.cert, seen.key]) : `${seen.file} ${codeOf(seen.cause)}`
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
