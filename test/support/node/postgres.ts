import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { JsonObject } from '../../../src/json.ts'
import { postgresImage } from '../cluster/images/images.ts'
import type { KubectlOptions, KubectlResult } from '../cluster/kubectl.ts'
import { root } from '../tooling/root.ts'

const READY_LIMIT = '60s' // ready after about 3 s on an idle machine

/** As much of a cluster with a node as is needed here. */
export interface Place {
  kubectl(args: string[], options?: KubectlOptions): Promise<KubectlResult>
  loadImage(ociTarFile: string): Promise<void>
}

/** The PostgreSQL of examples/flask in one namespace. */
export interface Database {
  /** The rows that a select gives, with PostgreSQL's JSON for values. Takes about 0.2 s. */
  query<Row>(select: string): Promise<Row[]>
  /** Any statements, each committed by itself. */
  execute(sql: string): Promise<void>
}

/**
 * Starts the database of examples/flask and returns when it takes connections; its data is gone with its pod. Writes the
 * Secrets of the example too, with the database's address in place of its name, since the cluster has no DNS.
 */
export async function deployPostgres(place: Place, namespace: string): Promise<Database> {
  const image = await postgresImage()
  await place.loadImage(image.file)
  const apply = (objects: readonly unknown[]) => applyObjects(place, namespace, objects)
  const [service, statefulSet] = readManifest('postgres.yaml')
  await apply([service, withoutClaims(statefulSet as unknown as StatefulSet, image.name)])
  const { stdout: address } = await place.kubectl([
    ...['get', 'service/postgres', `--namespace=${namespace}`, '--output=jsonpath={.spec.clusterIP}'],
  ])
  const secrets = JSON.stringify(readManifest('secrets.yaml')).replace('@postgres:', `@${address}:`)
  await apply(JSON.parse(secrets) as unknown[])
  await place.kubectl([
    ...['rollout', 'status', 'statefulset/postgres', `--namespace=${namespace}`, `--timeout=${READY_LIMIT}`],
  ])
  return databaseIn(place, namespace)
}

/** The database that is there already. */
export function databaseIn(place: Place, namespace: string): Database {
  const psql = async (sql: string) => {
    const client = ['psql', '--username=shop', '--no-psqlrc', '--quiet', '--tuples-only', '--no-align']
    const options = ['--set=ON_ERROR_STOP=1', `--command=${sql}`]
    const args = ['exec', 'postgres-0', `--namespace=${namespace}`, '--', ...client, ...options]
    return (await place.kubectl(args)).stdout
  }
  return {
    query: async <Row>(select: string) =>
      JSON.parse(await psql(`select coalesce(json_agg(found), '[]') from (${select}) found`)) as Row[],
    execute: async (sql) => {
      await psql(sql)
    },
  }
}

/** The objects in a file of examples/flask. */
export function readManifest(name: string): JsonObject[] {
  return parseAllDocuments(readFileSync(join(root, 'examples/flask', name), 'utf8')).map(
    (document) => document.toJS() as JsonObject,
  )
}

export async function applyObjects(place: Place, namespace: string, items: readonly unknown[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await place.kubectl(['apply', `--namespace=${namespace}`, '--filename=-'], { input })
}

export interface StatefulSet {
  spec: {
    template: { spec: { containers: { image: string }[]; volumes: object[] } }
    volumeClaimTemplates?: { metadata: { name: string } }[]
  }
}

/** There is no storage class: what would be a volume of its own is an emptyDir. */
export function withoutClaims(statefulSet: StatefulSet, image: string): StatefulSet {
  const { volumeClaimTemplates: claims = [], ...spec } = statefulSet.spec
  const pod = spec.template.spec
  const volumes = [...pod.volumes, ...claims.map(({ metadata: { name } }) => ({ name, emptyDir: {} }))]
  const containers = pod.containers.map((container) => ({ ...container, image }))
  return { ...statefulSet, spec: { ...spec, template: { ...spec.template, spec: { ...pod, containers, volumes } } } }
}
