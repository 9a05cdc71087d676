import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findBinaries } from './binaries.ts'
import { withLock } from './file-lock.ts'
import { format, ownIdentity } from './identity.ts'

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-binaries-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('without go, it says what to install or to set', async () => {
  const environment = { PATH: folder, MIGRATE_IO_CACHE: join(folder, 'empty') }
  await assert.rejects(findBinaries(environment), /Install Go 1\.26 or later, or set KUBEBUILDER_ASSETS/)
})

test('an old go is told so', async () => {
  const bin = program('go', 'echo go1.20.3')
  const environment = { PATH: `${bin}:/usr/bin:/bin`, MIGRATE_IO_CACHE: join(folder, 'empty') }
  await assert.rejects(findBinaries(environment), /go1\.20\.3 is too old .* Install Go 1\.26 or later/)
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
