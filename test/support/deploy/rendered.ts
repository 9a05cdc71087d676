import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeDevelopmentCertificates, writeCertificates } from '../../../certs/generate.ts'
import { findBinaries, findTool } from '../cluster/binaries.ts'
import { root } from '../tooling/root.ts'
import { objectsIn, type Rendered } from './objects.ts'

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const run = promisify(execFile)

export const NAMESPACE = 'migrate-io'
export const CHART = `${root}/deploy/chart`

/** Where the certificate comes from: the overlay of kustomize, and what the chart calls it. */
export const WAYS = {
  'self-managed': 'selfManaged',
  'cert-manager': 'certManager',
  'own-certificate': 'own',
} as const
export type Way = keyof typeof WAYS

/** What `kubectl apply -k` of an overlay would send. For own-certificate, with a certificate made here. */
export async function kustomized(way: Way): Promise<Rendered[]> {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-deploy-'))
  try {
    cpSync(`${root}/deploy`, folder, { recursive: true })
    const overlay = join(folder, 'overlays', way)
    if (way === 'own-certificate') await writeCertificates(overlay, await makeDevelopmentCertificates())
    const { kubectl } = await findBinaries()
    const { stdout } = await run(kubectl, ['kustomize', overlay], { maxBuffer: MAX_OUTPUT_BYTES })
    return objectsIn(stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface ChartOptions {
  /** As after `--set`; a value with a comma or a brace is JSON. */
  readonly values?: Readonly<Record<string, unknown>>
  readonly namespace?: string
  readonly release?: string
}

/** What `helm install` would send, hooks and tests included. Throws with what helm wrote. */
export async function templated({ values = {}, namespace = NAMESPACE, release = 'migrate-io' }: ChartOptions = {}) {
  const sets = Object.entries(values).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`])
  const args = ['template', release, CHART, '--namespace', namespace, ...sets]
  const { stdout } = await run(await findTool('helm'), args, { maxBuffer: MAX_OUTPUT_BYTES })
  return objectsIn(stdout)
}

/** Whether Helm treats it apart from the release: a hook or a test. */
export function isHook({ metadata }: Rendered): boolean {
  return metadata.annotations?.['helm.sh/hook'] !== undefined
}
