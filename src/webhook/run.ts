import { setTimeout as pause } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { certificateFromFiles } from '../certificates/files.ts'
import { buildHealthApp, type NotReady } from '../http/health.ts'
import { listen } from '../http/listen.ts'
import { decideInjection } from '../injection/decide.ts'
import { createLogs, type LogLevel } from '../observability/logs.ts'
import { createWebhookMetrics } from '../observability/webhook-metrics.ts'
import { VERSION } from '../version.ts'
import { buildApp } from './app.ts'
import { createTlsServer } from './server.ts'

export interface WebhookOptions {
  readonly port: number
  /** Left out: all addresses. */
  readonly host?: string | undefined
  readonly tlsCertFile: string
  readonly tlsPrivateKeyFile: string
  /** A port without TLS for `/metrics` and health; left out: `/metrics` is on the TLS port. 0: any free port. */
  readonly metricsPort?: number | undefined
  /** How long it keeps serving after SIGTERM, until no Service sends calls here any more. */
  readonly shutdownDelaySeconds: number
  readonly logLevel: LogLevel
}

/**
 * Runs the webhook role until a signal ends the process: files → certificate → app → sockets → drain.
 *
 * @throws CertificateError, ListenError: with one line for the user, and nothing left open.
 */
export async function runWebhook(options: WebhookOptions): Promise<void> {
  const logs = createLogs(options.logLevel)
  const metrics = createWebhookMetrics({ version: VERSION, isReady: () => notReady() === undefined })
  const certificates = await certificateFromFiles(
    { certFile: options.tlsCertFile, keyFile: options.tlsPrivateKeyFile },
    {
      onRefused(error) {
        metrics.certificateReloadFailed()
        const consequence = certificates.current ? 'keeping the certificate in use' : 'still no certificate'
        logs.warn({ code: error.code }, `${consequence}: ${error.message}`)
      },
    },
  )
  let draining = false
  const notReady: NotReady = () => (draining ? 'shutting down' : certificates.unusableAt(new Date()))

  const tls = createTlsServer(certificates, {
    onUse(pair) {
      metrics.certificateExpiry(pair.notAfter)
      logs.info({ notAfter: pair.notAfter.toISOString() }, 'serving certificate loaded')
    },
    onCrowded(ended, address) {
      logs.warn({ ended, address }, 'too many connections: idle ones were closed')
    },
  })
  const separate = options.metricsPort !== undefined
  const app = buildApp({
    decide: decideInjection,
    metrics,
    logs,
    notReady,
    isDraining: () => draining,
    servesMetrics: !separate,
    ...tls.forApp,
  })
  const plain = separate ? buildHealthApp(notReady, metrics) : undefined
  if (plain) {
    const port = await listen(plain, { port: options.metricsPort ?? 0, host: options.host })
    logs.info({ port }, 'serving metrics and health on a separate port')
  }
  try {
    const port = await listen(app, options)
    logs.info({ port, version: VERSION, pid: process.pid }, 'webhook is serving')
  } catch (error) {
    certificates.stop()
    await plain?.close()
    throw error
  }
  const why = notReady()
  if (why) logs.warn(`not ready: ${why}`)

  const delayMs = options.shutdownDelaySeconds * 1000
  // The limit on the whole is the delay plus what closing may take at most; Kubernetes' own is terminationGracePeriodSeconds.
  closeWithGrace(
    { delay: delayMs + tls.closeMaxMs, logger: false, onTimeout: () => logs.error('shutdown took too long') },
    drain,
  )

  async function drain({ err, signal }: { err?: Error; signal?: string }): Promise<void> {
    if (err) {
      logs.fatal({ err }, 'unexpected error')
      return
    }
    draining = true
    logs.info({ signal, delaySeconds: options.shutdownDelaySeconds }, 'shutting down: not ready, still serving')
    // Somebody at a terminal has no Service that needs time.
    if (signal !== 'SIGINT') await pause(delayMs)
    await tls.close(app)
    await plain?.close()
    logs.info('all accepted requests were answered')
  }
}
