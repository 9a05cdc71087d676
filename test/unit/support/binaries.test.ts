import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findBinaries } from '../../support/cluster/binaries.ts'
import { withLock } from '../../support/cluster/file-lock.ts'
import { format, ownIdentity } from '../../support/cluster/identity.ts'
import { expected } from '../../support/cluster/progress.ts'

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-binaries-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('without go, it says what to install or to set', async () => {
  const environment = { PATH: folder, MIGRATE_IO_CACHE: join(folder, 'empty') }
  await assert.rejects(findBinaries(environment), /Install Go 1\.26 or later, or set KUBEBUILDER_ASSETS/)
})

test('an old go that fetches no newer one is told so', async () => {
  const bin = program('go', 'if [ "$1" = env ]; then echo go1.20.3; else echo "no network" >&2; exit 1; fi')
  const environment = { PATH: `${bin}:/usr/bin:/bin`, MIGRATE_IO_CACHE: join(folder, 'empty') }
  const says = /go1\.20\.3 is too old .* fetches no newer one: .*no network.* Install Go 1\.26 or later/s
  await assert.rejects(findBinaries(environment), says)
})

test('an old go fetches the newer one that builds', async () => {
  const fetched = join(folder, 'fetching', 'go')
  const newer = 'echo "built by the newer one: $*" >&2; exit 1'
  const bin = program(
    'go',
    `if [ "$1" = env ]; then echo go1.19.8; exit; fi
    mkdir -p "$GOMODCACHE/$3/bin" "$GOMODCACHE/$3/pkg/tool/here"
    printf '#!/bin/sh\n${newer}\n' >"$GOMODCACHE/$3/bin/go"
    touch "$GOMODCACHE/$3/pkg/tool/here/compile"`,
  )
  const environment = { PATH: `${bin}:/usr/bin:/bin`, MIGRATE_IO_CACHE: join(folder, 'fetching') }
  await assert.rejects(findBinaries(environment), /built by the newer one: install -v/)
  const [tool] = globSync('golang.org/*/pkg/tool/here/compile', { cwd: fetched })
  assert.equal(statSync(join(fetched, tool ?? '')).mode & 0o111, 0o111)
})

test('how long a build takes is told by its pace', () => {
  assert.equal(expected(60_000, undefined), '')
  assert.equal(expected(60_000, 0.01), '')
  assert.equal(expected(60_000, 0.25), ', 25 % done, about 3:00 to go')
  assert.equal(expected(60_000, 1), ', linking')
})

test('a build that fails shows what go wrote, and leaves no program', async () => {
  const bin = program('go', 'if [ "$1" = env ]; then echo go1.99; else echo "no such module" >&2; exit 1; fi')
  const environment = { PATH: `${bin}:/usr/bin:/bin`, MIGRATE_IO_CACHE: join(folder, 'failed') }
  await assert.rejects(findBinaries(environment), /go install failed with exit code 1:\nno such module/)
  await assert.rejects(findBinaries(environment), /no such module/)
})

test('assets of another minor version are refused, since no kube-controller-manager goes with them', async () => {
  const assets = program('kube-apiserver', 'echo Kubernetes v1.30.4')
  for (const name of ['etcd', 'kubectl']) program(name, 'true', assets)
  await assert.rejects(
    findBinaries({ KUBEBUILDER_ASSETS: assets }),
    /holds Kubernetes 1\.30 and no kube-controller-manager/,
  )
})

test('assets that lack a program are refused', async () => {
  await assert.rejects(findBinaries({ KUBEBUILDER_ASSETS: join(folder, 'nowhere') }), /there is no program .*nowhere/)
})

test('two holders of a lock follow one another', async () => {
  const file = join(folder, 'lock')
  const steps: string[] = []
  const hold = (name: string) =>
    withLock(file, async () => {
      steps.push(`${name} in`)
      await new Promise(setImmediate)
      steps.push(`${name} out`)
    })
  await Promise.all([hold('a'), hold('b')])
  assert.deepEqual(steps, ['a in', 'a out', 'b in', 'b out'])
})

test('the lock of a dead process is taken over, also when its pid has been reused', async () => {
  const file = join(folder, 'stale')
  writeFileSync(file, format({ ...ownIdentity(), started: 1 }))
  let held = false
  await withLock(file, async () => {
    held = true
  })
  assert.ok(held)
})

/** A folder with a shell script as a program of that name. */
function program(name: string, script: string, bin = mkdtempSync(join(folder, 'bin-'))): string {
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return bin
}
