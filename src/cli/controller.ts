import { type Command, Option } from 'commander'
import type { CertificateWay, ControllerOptions } from '../controller/run.ts'
import { WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE, WEBHOOK_TLS_SECRET } from '../names.ts'
import { isForTheUser } from './exit-codes.ts'
import { LEVELS, port } from './options.ts'

const CERTIFICATE_WAYS: readonly CertificateWay[] = ['self-managed', 'none']

const HELP = `
Routes on the port, without TLS:
  GET  /healthz   200 while the event loop turns
  GET  /readyz    503 until the first list of pods is complete, and while it shuts down
  GET  /metrics   Prometheus text

Examples:
  migrate-io controller                                        # in a pod: by its service account
  migrate-io controller --certificates self-managed            # as the manifests run it
  migrate-io controller --kubeconfig ~/.kube/config --context staging --namespace migrate-io

You can run any number of controllers: one leads, by a Lease, and the others stand by. The lock does not depend on that.
SIGTERM: it starts nothing new, finishes what it has begun, releases the Lease and exits. A second signal exits at once.

With --certificates self-managed the leader creates a certificate authority and the webhook's serving certificate, keeps them
in one Secret of its namespace, makes the API servers trust them with the configuration's caBundle, and renews both in time.
Without it, you provide them: with cert-manager, or as your own files.

Exit codes: 0 ended by a signal; 1 could not start (no cluster configured, port) or was stopped by a second signal;
2 wrong usage`

/** Adds `migrate-io controller`. What talks to a cluster is loaded only when the command runs. */
export function addControllerCommand(program: Command): void {
  program
    .command('controller')
    .summary('grant the lock and record what is migrated')
    .description('Watches injected pods, lets one at a time run its migration, and records which revisions are done.')
    .option('--kubeconfig <file>', 'which cluster (default: KUBECONFIG, ~/.kube/config, or the own pod)')
    .option('--context <name>', "a context of that file (default: the file's current one)")
    .option(
      '--namespace <name>',
      "where the leader's Lease and the Secret are (default: the own pod's, else migrate-io)",
    )
    .addOption(new Option('--port <port>', 'health and metrics; 0: any free one').default(8080).argParser(port))
    .option('--host <address>', 'listen on this address only (default: all, IPv6 and IPv4)')
    .addOption(
      new Option('--certificates <way>', 'who manages the certificate of the webhook')
        .choices(CERTIFICATE_WAYS)
        .default('none' satisfies CertificateWay),
    )
    .option('--tls-secret <name>', 'the Secret that they are kept in', WEBHOOK_TLS_SECRET)
    .option('--webhook-service <name>', 'the Service that the certificate is for', WEBHOOK_SERVICE)
    .option('--webhook-configuration <name>', 'the MutatingWebhookConfiguration', WEBHOOK_CONFIGURATION)
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LEVELS).default('info'))
    .addHelpText('after', HELP)
    .action(async (options: ControllerOptions, command: Command) => {
      const { runController } = await import('../controller/run.ts')
      try {
        await runController(options)
      } catch (error) {
        if (!isForTheUser(error)) throw error
        command.error(`migrate-io controller: ${error.message.replace(/\s+/g, ' ').trim()}`, { exitCode: 1 })
      }
    })
}
