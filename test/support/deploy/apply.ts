import assert from 'node:assert/strict'
import type { Answer, Cluster } from '../cluster/cluster.ts'
import { until } from '../until.ts'
import type { Rendered } from './objects.ts'

const EFFECTIVE_LIMIT_MS = 30_000 // the API server follows policies within a second or two

export const CONTROLLER = 'system:serviceaccount:migrate-io:migrate-io-controller'

type Sends = Pick<Cluster, 'kubectl' | 'request'>

/** `kubectl apply` of these objects. */
export async function apply(cluster: Sends, objects: readonly object[], flags: readonly string[] = []): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  await cluster.kubectl(['apply', ...flags, '-f', '-'], { input })
}

/** Policies and bindings among them. */
export function policiesAmong(objects: readonly Rendered[]): Rendered[] {
  return objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))
}

/** A namespace with a generated name. */
export async function makeNamespace(cluster: Sends, labels: Record<string, string> = {}): Promise<string> {
  const metadata = { generateName: 'deploy-', labels }
  const { status, body } = await cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', {
    metadata,
  })
  assert.equal(status, 201, JSON.stringify(body))
  const { name } = body.metadata
  await until(
    'pods can be created',
    () => cluster.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`),
    {
      limitMs: EFFECTIVE_LIMIT_MS,
      accept: (answer) => answer.status === 200,
    },
  )
  return name
}

/** Calls as this user; an administrator where left out. */
export function callsAs(cluster: Sends, user?: string) {
  const who: Record<string, string> = user === undefined ? {} : { 'impersonate-user': user }
  return {
    post: (path: string, body: object) => cluster.request<Stored>('POST', path, body, who),
    put: (path: string, body: object) => cluster.request<Stored>('PUT', path, body, who),
    delete: (path: string) => cluster.request<Stored>('DELETE', path, undefined, who),
    patch: (path: string, body: object) =>
      cluster.request<Stored>('PATCH', path, body, { ...who, 'content-type': 'application/merge-patch+json' }),
  }
}

/** What an answer holds: the object, or a Status. */
export interface Stored {
  readonly message?: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly [field: string]: unknown
}

export function assertDone({ status, body }: Answer<Stored>, what: string): Stored {
  assert.ok(status === 200 || status === 201, `${what}: ${status} ${body.message}`)
  return body
}

/** Refused by this policy, and not by RBAC or because it makes no sense. */
export function assertDenied({ status, body }: Answer<Stored>, policy: string, what: string): string {
  assert.ok(status === 403 || status === 422, `${what}: ${status} ${JSON.stringify(body)}`)
  assert.match(body.message ?? '', new RegExp(`ValidatingAdmissionPolicy '${policy}'`), what)
  return body.message ?? ''
}

/** Looks until the API server answers like that: it takes up policies when its watch tells it. */
export function untilAnswered(what: string, call: () => Promise<Answer<Stored>>, accept: (status: number) => boolean) {
  return until(what, call, { limitMs: EFFECTIVE_LIMIT_MS, accept: ({ status }) => accept(status) })
}
