import type { JsonObject } from '../../../src/json.ts'
import type { FlaskVersion } from '../cluster/images/application.ts'
import { flaskImage } from '../cluster/images/images.ts'
import { applyObjects, type Database, type Place, readManifest } from './postgres.ts'

export interface FlaskOptions {
  /** Version 2 has one revision more, 0004. Default: 1. */
  version?: FlaskVersion
  replicas?: number
  /** Such as MIGRATION_SECONDS; see examples/flask/trial.py. */
  env?: Readonly<Record<string, string>>
  /** Added to the example's; undefined takes one away. */
  annotations?: Readonly<Record<string, string | undefined>>
  /** For anything else: changes the object before it is applied. */
  change?(deployment: FlaskDeployment): void
}

/** The parts of the Deployment that tests change. */
export interface FlaskDeployment {
  metadata: { name: string; annotations: Record<string, string> }
  spec: { replicas: number; strategy?: JsonObject; template: { metadata: JsonObject; spec: FlaskPod } }
}

interface FlaskPod {
  initContainers?: JsonObject[]
  containers: { image: string; env: JsonObject[] }[]
}

/**
 * Applies the Deployment and the Service of examples/flask, and returns at once. Called again with other options, it
 * changes them as a user's `kubectl apply` would. Needs the Secrets of `deployPostgres`.
 */
export async function deployFlask(place: Place, namespace: string, options: FlaskOptions = {}): Promise<void> {
  const image = await flaskImage(options.version)
  await place.loadImage(image.file)
  await applyObjects(place, namespace, [...readManifest('service.yaml'), flaskDeployment(image.name, options)])
}

/** The Deployment of examples/flask with an image and changes of a test. */
export function flaskDeployment(image: string, options: FlaskOptions = {}): FlaskDeployment {
  const { replicas, env = {}, annotations = {}, change } = options
  const [deployment] = readManifest('deployment.yaml') as unknown as [FlaskDeployment]
  if (replicas !== undefined) deployment.spec.replicas = replicas
  for (const [key, value] of Object.entries(annotations)) {
    if (value === undefined) delete deployment.metadata.annotations[key]
    else deployment.metadata.annotations[key] = value
  }
  for (const container of deployment.spec.template.spec.containers) {
    container.image = image
    container.env.push(...Object.entries(env).map(([name, value]) => ({ name, value })))
  }
  change?.(deployment)
  return deployment
}

/** One `flask db upgrade`, as it wrote itself down. Times are the database's, in ISO 8601. */
export interface Run {
  id: number
  pod: string
  /** Of the pod, by its name. */
  replicaSet: string
  started_at: string
  /** null while it runs, and after it was killed. */
  ended_at: string | null
  /** null unless it failed. */
  error: string | null
  /** The Alembic revisions that it began. */
  revisions: string[]
  /** Runs whose process was alive when this one had begun. */
  alongside: number[]
}

export interface AppStart {
  pod: string
  replicaSet: string
  version: string
  /** The Alembic revision that it found, if any. */
  schema: string | null
  started_at: string
}

const REPLICA_SET = `regexp_replace(pod, '-[^-]+$', '')`
const RUN = `run is null and command = 'db upgrade'`

/** Every run so far, in the order of their starts. */
export function runs(database: Database): Promise<Run[]> {
  return ifThere(
    database,
    'migration_runs',
    `select id, pod, ${REPLICA_SET} as "replicaSet", started_at, ended_at, error, alongside, array(
       select revision from migration_runs step where step.run = whole.id order by id) as revisions
     from migration_runs whole where ${RUN} order by id`,
  )
}

/** Pairs of runs of which at least a moment was the same, also where one was killed. */
export function overlaps(database: Database): Promise<{ first: number; second: number }[]> {
  return ifThere(
    database,
    'migration_runs',
    `with whole as (select *, tstzrange(started_at, ended_at) as time from migration_runs where ${RUN})
     select a.id as first, b.id as second from whole a join whole b on a.id < b.id
     where a.id = any(b.alongside) or b.id = any(a.alongside)
     or (a.ended_at is not null and b.ended_at is not null and a.time && b.time)`,
  )
}

/** Every start of the app's container so far; not of the init container. */
export function appStarts(database: Database): Promise<AppStart[]> {
  return ifThere(
    database,
    'app_starts',
    `select pod, ${REPLICA_SET} as "replicaSet", version, schema, started_at from app_starts order by id`,
  )
}

/** Those before which no run of a pod of the same ReplicaSet had ended well. */
export async function earlyStarts(database: Database): Promise<AppStart[]> {
  const ended = (await runs(database)).filter((run) => run.ended_at !== null && run.error === null)
  const isAfter = (start: AppStart, run: Run) => Date.parse(run.ended_at ?? '') <= Date.parse(start.started_at)
  return (await appStarts(database)).filter(
    (start) => !ended.some((run) => run.replicaSet === start.replicaSet && isAfter(start, run)),
  )
}

/** Has revision 0004 fail, or no longer fail, without a change of the Deployment. */
export async function setFault(database: Database, fails: boolean): Promise<void> {
  await database.execute('create table if not exists migration_faults (revision text)')
  await database.execute(fails ? "insert into migration_faults values ('0004')" : 'delete from migration_faults')
}

/** The first run makes the tables. */
async function ifThere<Row>(database: Database, table: string, select: string): Promise<Row[]> {
  const [found] = await database.query<{ there: boolean }>(`select to_regclass('${table}') is not null as there`)
  return found?.there ? database.query<Row>(select) : []
}
