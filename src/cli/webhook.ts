import { type Command, Option } from 'commander'
import type { WebhookOptions } from '../webhook/run.ts'
import { isForTheUser } from './exit-codes.ts'
import { LEVELS, port, wholeNumber } from './options.ts'

const SHUTDOWN_DELAY_DEFAULT_SECONDS = 5 // kube-proxy and the API server follow a change of endpoints within 1 to 3 s
const SHUTDOWN_DELAY_MAX_SECONDS = 600

const HELP = `
Routes:
  POST /mutate    AdmissionReviews of namespaces that opted in
  POST /strip     AdmissionReviews of all others: removes leftover injected parts
  GET  /healthz   200 while the event loop turns
  GET  /readyz    503 with the reason: no certificate yet, expired or not yet valid, shutting down
  GET  /metrics   Prometheus text; on --metrics-port if that is given, which then serves /healthz and /readyz too

Examples:
  npm run certs                                                # a development certificate in certs/out
  migrate-io webhook --tls-cert-file certs/out/tls.crt --tls-private-key-file certs/out/tls.key
  migrate-io webhook --port 9443 --metrics-port 8080 \\
    --tls-cert-file /tls/tls.crt --tls-private-key-file /tls/tls.key

The two files are read again every 5 seconds. While they are missing or empty, it waits for them, not ready: the Secret may be
filled later. Files that exist but are invalid keep it from starting or, once it serves, are reported and ignored.
SIGTERM: it is not ready at once, still serves for the shutdown delay, then takes no new connections, answers accepted calls, exits.
A second signal exits at once.

Exit codes: 0 ended by a signal; 1 could not start (certificate, port) or was stopped by a second signal; 2 wrong usage`

/** Adds `migrate-io webhook`. The server itself is loaded only when the command runs. */
export function addWebhookCommand(program: Command): void {
  program
    .command('webhook')
    .summary('serve the admission webhook')
    .description('Answers the AdmissionReviews of a Kubernetes API server over TLS. Needs no access to Kubernetes.')
    .addOption(new Option('--port <port>', 'the TLS port; 0: any free one').default(8443).argParser(port))
    .option('--host <address>', 'listen on this address only (default: all, IPv6 and IPv4)')
    .requiredOption('--tls-cert-file <file>', 'PEM: the serving certificate, then intermediate ones')
    .requiredOption('--tls-private-key-file <file>', 'PEM: its private key')
    .option('--metrics-port <port>', 'serve metrics and health without TLS on this port', port)
    .addOption(
      new Option('--shutdown-delay-seconds <n>', 'keep serving this long after SIGTERM')
        .default(SHUTDOWN_DELAY_DEFAULT_SECONDS)
        .argParser(seconds),
    )
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LEVELS).default('info'))
    .addHelpText('after', HELP)
    .action(async (options: WebhookOptions, command: Command) => {
      const { runWebhook } = await import('../webhook/run.ts')
      try {
        await runWebhook(options)
      } catch (error) {
        if (!isForTheUser(error)) throw error
        command.error(`migrate-io webhook: ${error.message}`, { exitCode: 1 })
      }
    })
}

function seconds(text: string): number {
  return wholeNumber(text, SHUTDOWN_DELAY_MAX_SECONDS)
}
