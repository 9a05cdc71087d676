/** The controller with certificates of a short life, as a process of its own: `controller-program.ts OPTIONS` (JSON). */
import type { CertificateTimes } from '../../../src/certificates/self-managed/decide.ts'
import { runController } from '../../../src/controller/run.ts'
import { WEBHOOK_SERVICE, WEBHOOK_TLS_SECRET } from '../../../src/names.ts'

export interface ProgramOptions {
  readonly kubeconfig: string
  readonly namespace: string
  readonly webhookConfiguration: string
  readonly certificateTimes: Partial<CertificateTimes>
}

await runController({
  ...(JSON.parse(process.argv[2] ?? '') as ProgramOptions),
  port: 0,
  host: '127.0.0.1',
  logLevel: 'info',
  certificates: 'self-managed',
  tlsSecret: WEBHOOK_TLS_SECRET,
  webhookService: WEBHOOK_SERVICE,
})
