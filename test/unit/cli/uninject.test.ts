import assert from 'node:assert/strict'
import { test } from 'node:test'
import { troubleInWords } from '../../../src/cli/on-cluster.ts'
import { KubeError } from '../../../src/kube/api.ts'
import { failure, LoadError } from '../../../src/kube/errors.ts'
import { migrateIo, startMigrateIo } from '../../support/cli/run-cli.ts'

test('A12: uninject takes files or a cluster, and says so; what does not go together is refused', () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /-f FILE for manifests, or -n NAMESPACE or -A for the Deployments of a cluster/],
    [['--check'], /-f FILE .* or -n NAMESPACE or -A/],
    [['--kubeconfig', 'x'], /-f FILE .* or -n NAMESPACE or -A/],
    [['-f', 'x', '-n', 'shop'], /'-f, --filename <file...>' cannot be used with option '-n, --namespace <name>'/],
    [['-f', 'x', '-A'], /cannot be used with option '-A, --all-namespaces'/],
    [['-f', 'x', '--no-wait'], /cannot be used with option '--no-wait'/],
    [['-n', 'shop', '-A'], /cannot be used/],
    [['-A', '--check', '--yes'], /'--check' cannot be used with option '-y, --yes'/],
    [['-A', '--dry-run', '--yes'], /'--dry-run' cannot be used with option '-y, --yes'/],
    [['-n', 'Shop'], /name of a namespace: up to 63 lower case letters/],
    [['-n', ''], /name of a namespace/],
    [['-A', '--timeout', '5x'], /Allowed: whole hours/],
  ]
  for (const [args, expected] of wrong) {
    const { code, stdout, stderr } = migrateIo(['uninject', ...args])
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, expected)
  }
})

test('A12: a cluster that cannot be found or reached is told in a line, with where it was looked for', async () => {
  const none = await startMigrateIo(['uninject', '-A', '--check', '--kubeconfig', '/nowhere/config'])
  assert.deepEqual([none.code, none.stdout], [1, ''])
  assert.match(none.stderr, /^migrate-io uninject: cannot read the kubeconfig \/nowhere\/config .*\n$/)
})

test('A12: trouble with a cluster says what was asked, what is missing and what to do, in one line', () => {
  const request = { verb: 'list', kind: 'Deployment' } as const
  const body = { kind: 'Status', message: 'deployments.apps is forbidden:\n  User "jane" cannot' }
  const answer = { status: 403, body, contentType: 'application/json', length: 1, retryAfterMs: undefined }
  const forbidden = troubleInWords(failure(request, answer)) ?? ''
  assert.match(forbidden, /^list deployment of all namespaces: .*403.*User "jane" cannot/)
  assert.match(forbidden, /verb "list" on resource "deployments" of API group "apps" in all namespaces/)
  assert.match(forbidden, /ask your cluster administrator/)
  assert.ok(!forbidden.includes('\n'))
  const away = troubleInWords(new KubeError('unavailable', 'connect ECONNREFUSED'), 'context "a" of b') ?? ''
  assert.match(away, /ECONNREFUSED \(context "a" of b\); check that the cluster is up/)
  assert.equal(troubleInWords(new LoadError('NO_CLUSTER', 'none is configured')), 'none is configured')
  assert.equal(troubleInWords(new TypeError('a fault of ours')), undefined)
})
