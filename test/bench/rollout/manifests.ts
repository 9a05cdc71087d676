import {
  ARTICLE_STRATEGY,
  type Container,
  DEFAULT_STRATEGY,
  type Manifest,
} from '../../support/installation/deployment.ts'
import { app } from '../../support/node/app.ts'
import { INSERT_RUN, INSERT_START, updateRun } from './judge.ts'
import { VARIANT, type Variant, type VariantName } from './variants.ts'

export interface AppOptions {
  readonly name: string
  /** Has a shell and psql, and is on the node. */
  readonly image: string
  readonly replicas: number
  /** How long one migration takes. */
  readonly seconds: number
}

const PSQL = 'psql --no-psqlrc --quiet --tuples-only --no-align "$DATABASE_URL" --command'

/** Written for the database's sake; ready as soon as it runs, so that no probe's interval is measured. */
const APP = `trap 'exit 0' TERM; ${PSQL} "${INSERT_START}"; sleep infinity & wait`

/** The Deployment of a variant, as a user sends it. */
export function deploymentOf(variant: VariantName, options: AppOptions): Manifest {
  const { migrates, pace } = VARIANT[variant]
  const settings: Record<string, string> = pace === 'quarter' ? { strategy: 'keep' } : {}
  const manifest = app(options.name, { image: options.image, command: migration(options.seconds), settings })
  const [container] = manifest.spec.template.spec.containers
  if (container === undefined) throw new Error('the app has no container')
  container.command = ['sh', '-c', APP]
  container['env'] = environment()
  manifest.spec.replicas = options.replicas
  // Ours is to choose the strategy by itself.
  if (migrates === 'ours') return manifest
  delete manifest.metadata.annotations
  manifest.spec.strategy = pace === 'rolling' ? ARTICLE_STRATEGY : DEFAULT_STRATEGY
  const command = migrates === 'pods' ? ['/bin/sh', '-c', migration(options.seconds)] : ['true']
  if (migrates !== 'job') manifest.spec.template.spec.initContainers = [{ ...container, name: 'migrate', command }]
  return manifest
}

/** The Job that runs the migration before the Deployment is touched. */
export function jobOf({ name, image, seconds }: Omit<AppOptions, 'replicas'>): object {
  const command = ['/bin/sh', '-c', migration(seconds)]
  const container: Container = { name: 'migrate', image, imagePullPolicy: 'Never', command, env: environment() }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [container] } } },
  }
}

/** The name of our init container where there is one, or that of the variant's own. */
export function initContainerOf({ migrates }: Variant): string | undefined {
  if (migrates === 'job') return undefined
  return migrates === 'ours' ? 'migrate-io' : 'migrate'
}

/** A row at its start, which its end completes: what runs at a time can be seen there. */
function migration(seconds: number): string {
  return ['set -e', `id=$(${PSQL} "${INSERT_RUN}")`, `sleep ${seconds}`, `${PSQL} "${updateRun('$id')}"`].join('\n')
}

function environment(): Container['env'] & object {
  const valueFrom = { secretKeyRef: { name: 'flask', key: 'database-url' } }
  const pod = { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }
  return [pod, { name: 'DATABASE_URL', valueFrom } as { name: string }]
}
