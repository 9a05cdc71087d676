import assert from 'node:assert/strict'
import { find, type Rendered } from './objects.ts'
import type { Rule } from './rules.ts'

interface Role extends Rendered {
  readonly rules: readonly Rule[]
}

interface Binding extends Rendered {
  readonly roleRef: { readonly kind: 'Role' | 'ClusterRole'; readonly name: string }
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[]
}

/** Everything that an account is allowed, and where. */
function grantsOf(
  objects: readonly Rendered[],
  account: string,
): { where: 'everywhere' | 'own namespace'; rule: Rule }[] {
  const bindings = objects.filter((each): each is Binding => each.kind.endsWith('RoleBinding'))
  return bindings
    .filter(({ subjects }) => subjects.some(({ kind, name }) => kind !== 'ServiceAccount' || name === account))
    .flatMap(({ kind, roleRef }) =>
      find<Role>(objects, roleRef.kind, roleRef.name).rules.map((rule) => ({
        where: kind === 'ClusterRoleBinding' ? ('everywhere' as const) : ('own namespace' as const),
        rule,
      })),
    )
}

/** One line for each thing that may be done: `verb group/resource name, where`. */
function rightsOf(objects: readonly Rendered[], account: string): string[] {
  return grantsOf(objects, account)
    .flatMap(({ where, rule: { apiGroups, resources, verbs, resourceNames = ['any'] } }) =>
      verbs.flatMap((verb) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            resourceNames.map((name) => `${verb} ${group}/${resource} ${name}, ${where}`),
          ),
        ),
      ),
    )
    .toSorted()
}

/** Written out: whoever adds a right changes this too. */
const CONTROLLER = [
  'create /configmaps any, everywhere',
  'delete /configmaps any, everywhere',
  'get /configmaps any, everywhere',
  'list /configmaps any, everywhere',
  'update /configmaps any, everywhere',
  'get /pods any, everywhere',
  'list /pods any, everywhere',
  'watch /pods any, everywhere',
  'patch /pods/status any, everywhere',
  'get /namespaces any, everywhere',
  'get /nodes any, everywhere',
  'get apps/deployments any, everywhere',
  'list apps/deployments any, everywhere',
  'get apps/replicasets any, everywhere',
  'list apps/replicasets any, everywhere',
  'create events.k8s.io/events any, everywhere',
  'update events.k8s.io/events any, everywhere',
  'create coordination.k8s.io/leases any, own namespace',
  'get coordination.k8s.io/leases migrate-io-controller, own namespace',
  'update coordination.k8s.io/leases migrate-io-controller, own namespace',
]
const CERTIFICATES = [
  'create /secrets any, own namespace',
  'get /secrets migrate-io-webhook-tls, own namespace',
  'update /secrets migrate-io-webhook-tls, own namespace',
  'get admissionregistration.k8s.io/mutatingwebhookconfigurations migrate-io, everywhere',
  'patch admissionregistration.k8s.io/mutatingwebhookconfigurations migrate-io, everywhere',
]

interface PodTemplate extends Rendered {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string
        readonly automountServiceAccountToken: boolean
        readonly hostNetwork?: boolean
        readonly volumes?: readonly { readonly secret?: object }[]
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string }[]
          readonly envFrom?: unknown
        }[]
      }
    }
  }
}

/** The webhook's pods have no token and no right, and no more of the cluster than its certificate. */
export function assertWebhookIsPowerless(objects: readonly Rendered[]): void {
  assert.deepEqual(grantsOf(objects, 'migrate-io-webhook'), [])
  const account = find(objects, 'ServiceAccount', 'migrate-io-webhook')
  assert.equal(account['automountServiceAccountToken'], false)
  const { spec } = find<PodTemplate>(objects, 'Deployment', 'migrate-io-webhook').spec.template
  assert.equal(spec.serviceAccountName, 'migrate-io-webhook')
  assert.equal(spec.automountServiceAccountToken, false)
  const [volume, ...more] = spec.volumes ?? []
  assert.deepEqual(more, [])
  const items = ['tls.crt', 'tls.key'].map((key) => ({ key, path: key }))
  assert.deepEqual(volume?.secret, { secretName: 'migrate-io-webhook-tls', items })
  for (const { env, envFrom } of spec.containers) {
    assert.deepEqual(
      (env ?? []).map(({ name }) => name),
      ['NODE_OPTIONS'],
    )
    assert.equal(envFrom, undefined)
  }
}

/** The controller's account may do what is written out here, and nothing else. */
export function assertControllersRights(
  objects: readonly Rendered[],
  { makesCertificates }: { makesCertificates: boolean },
): void {
  const expected = makesCertificates ? [...CONTROLLER, ...CERTIFICATES] : CONTROLLER
  const told = rightsOf(objects, 'migrate-io-controller')
  assert.deepEqual(told, expected.toSorted())
  assert.doesNotMatch(told.join('\n'), /\*/)
}

/** Nobody else may do anything by what is installed. */
export function assertOnlyTheControllersAccount(objects: readonly Rendered[]): void {
  const bindings = objects.filter((each): each is Binding => each.kind.endsWith('RoleBinding'))
  assert.ok(bindings.length > 0)
  for (const { subjects } of bindings)
    assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: 'migrate-io-controller', namespace: 'migrate-io' }])
}
