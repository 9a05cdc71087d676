import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { installOnNode } from '../node/install/site.ts'
import { deployFlask, runs } from '../support/node/flask.ts'
import { deployPostgres } from '../support/node/postgres.ts'
import { root } from '../support/tooling/root.ts'
import { until } from '../support/until.ts'
import { showCommand, showStep, showText } from './show.ts'

const NAMESPACE = 'shop'
const COMMAND = 'migrate.io/command'
const LIMIT_MS = 120_000

/** What an administrator and a user do, on a real node: install, label the namespace, annotate the Deployment, watch. */
export async function demoOnNode(): Promise<void> {
  showStep('Start a control plane and a node, and install migrate.io: kubectl apply -k deploy/overlays/self-managed')
  const started = performance.now()
  await using installed = await installOnNode()
  const { cluster } = installed
  showText(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  const kubectl = async (...args: string[]) => {
    showCommand(args)
    showText((await cluster.kubectl(args)).stdout)
  }
  await kubectl('get', 'pods', '-n', 'migrate-io')

  showStep('Start PostgreSQL and the Flask app of examples/flask, as yet without a migration: it finds no tables')
  await kubectl('create', 'namespace', NAMESPACE)
  const database = await deployPostgres(cluster, NAMESPACE)
  await deployFlask(cluster, NAMESPACE, { replicas: 3, annotations: { [COMMAND]: undefined } })
  await kubectl('get', 'deployment', 'flask', '-n', NAMESPACE)

  showStep('Label the namespace, annotate the Deployment: its next rollout migrates once, whatever the replicas')
  await kubectl('label', 'namespace', NAMESPACE, 'migrate.io/injection=enabled')
  await kubectl('annotate', '-n', NAMESPACE, 'deployment/flask', `${COMMAND}=flask db upgrade`)
  await rolledOut()
  await showRuns()
  const [runner] = await runs(database)
  await kubectl('logs', '-n', NAMESPACE, runner?.pod ?? '', '-c', 'migrate-io')
  await kubectl('events', '-n', NAMESPACE, '--for', 'deployment/flask')
  await showStatus()

  showStep('Restart: a new revision, one more run, however many pods')
  await kubectl('rollout', 'restart', '-n', NAMESPACE, 'deployment/flask')
  await rolledOut()
  await showRuns()

  showStep('Scale up: no run, the new pods start at once')
  await kubectl('scale', '-n', NAMESPACE, 'deployment/flask', '--replicas=5')
  await rolledOut()
  await showRuns()

  showStep('The app answers')
  const { stdout: address } = await cluster.kubectl([
    ...['get', 'service/flask', '-n', NAMESPACE, '-o', 'jsonpath={.spec.clusterIP}'],
  ])
  const answer = await until('the app answers', async () => (await fetch(`http://${address}/`)).text(), {
    limitMs: LIMIT_MS,
    accept: (text) => text.includes('schema'),
  })
  showText(`GET http://${address}/ → ${answer}`)

  function rolledOut(): Promise<void> {
    return kubectl('rollout', 'status', '-n', NAMESPACE, 'deployment/flask', '--timeout=180s')
  }

  /** As anybody does who has the program and a kubeconfig. */
  async function showStatus(): Promise<void> {
    const args = ['status', '--namespace', NAMESPACE, '--kubeconfig', cluster.kubeconfig]
    showText(`$ migrate-io ${args.slice(0, 3).join(' ')}`)
    showText((await promisify(execFile)(process.execPath, [`${root}/src/main.ts`, ...args])).stdout)
  }

  async function showRuns(): Promise<void> {
    for (const { pod, started_at, ended_at, revisions } of await runs(database))
      showText(
        `the database: ${pod} ran from ${started_at} to ${ended_at}, Alembic's revisions: ${revisions.join(', ') || 'none new'}`,
      )
  }
}
