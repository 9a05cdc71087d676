import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  find,
  isHook,
  kustomized,
  NAMESPACE,
  type Rendered,
  templated,
  WAYS,
  type Way,
} from '../../support/deploy/rendered.ts'
import type { Rule } from '../../support/deploy/rules.ts'

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
function told(objects: readonly Rendered[], account: string): string[] {
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

for (const [way, mode] of Object.entries(WAYS) as [Way, string][])
  describe(`as installed with certificates ${way}`, () => {
    const rendered = {
      kustomize: () => kustomized(way),
      Helm: async () => {
        const values = { 'certificates.mode': mode, 'certificates.own.caBundle': 'Q0E=' }
        return (await templated({ values })).filter((object) => !isHook(object))
      },
    }
    for (const [by, render] of Object.entries(rendered)) {
      test(`S1: the webhook has no token and no RBAC (${by})`, async () => {
        const objects = await render()
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
      })

      test(`S1: the controller may do this and nothing else (${by})`, async () => {
        const objects = await render()
        const expected = way === 'self-managed' ? [...CONTROLLER, ...CERTIFICATES] : CONTROLLER
        assert.deepEqual(told(objects, 'migrate-io-controller'), expected.toSorted())
        assert.doesNotMatch(told(objects, 'migrate-io-controller').join('\n'), /\*/)
      })

      test(`S1: everything that may be done is done by the controller's account (${by})`, async () => {
        const subjects = (await render()).flatMap((each) =>
          each.kind.endsWith('RoleBinding') ? [each as Binding] : [],
        )
        for (const { subjects: each } of subjects)
          assert.deepEqual(each, [{ kind: 'ServiceAccount', name: 'migrate-io-controller', namespace: NAMESPACE }])
      })
    }
  })
