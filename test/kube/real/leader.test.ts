import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import type { Lease } from '../../../src/kube/objects.ts'
import { sharedCluster } from '../../cluster/shared.ts'
import { until } from '../../until.ts'
import { place } from './place.ts'

const cluster = await sharedCluster()
const LIMIT_MS = 60_000
const RELEASED_LIMIT_MS = 3_000
const KILLED_LIMIT_MS = 20_000

interface Candidate {
  process: ChildProcess
  lines: string[]
  errors: string[]
  leads(): boolean
}

function candidate(t: TestContext, namespace: string, identity: string): Candidate {
  const program = join(import.meta.dirname, 'leader-process.ts')
  const child = spawn(process.execPath, [program, cluster.kubeconfig, namespace, identity], { stdio: 'pipe' })
  t.after(() => child.kill('SIGKILL'))
  const lines: string[] = []
  const errors: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  createInterface(child.stderr).on('line', (line) => errors.push(line))
  const leads = () => lines.findLast((line) => line === 'started' || line === 'stopped') === 'started'
  return { process: child, lines, errors, leads }
}

const leading = (one: Candidate, limitMs = LIMIT_MS) => until('it leads', one.leads, { limitMs, intervalMs: 20 })
const follows = (one: Candidate, leader: string) =>
  until(`it knows ${leader}`, () => one.lines.includes(`leader ${leader}`), { limitMs: LIMIT_MS })

test('O3: SIGTERM lets the Lease go: another process leads within 3 s, and the first ends', async (t) => {
  const { namespace } = await place(t, cluster)
  const first = candidate(t, namespace, 'first')
  await leading(first)
  const second = candidate(t, namespace, 'second')
  await follows(second, 'first')
  assert.equal(second.leads(), false)
  const atMs = performance.now()
  first.process.kill('SIGTERM')
  await leading(second, RELEASED_LIMIT_MS)
  t.diagnostic(`taken over after ${Math.round(performance.now() - atMs)} ms`)
  if (first.process.exitCode === null) await once(first.process, 'exit')
  assert.equal(first.process.exitCode, 0)
  assert.deepEqual(first.lines, ['leader first', 'started', 'stopped'])
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/migrate-io-controller`
  const { spec } = (await cluster.get<Lease>(path)).body
  assert.deepEqual([spec?.holderIdentity, spec?.leaseTransitions, spec?.leaseDurationSeconds], ['second', 1, 15])
  assert.deepEqual([...first.errors, ...second.errors], [])
})

test('O3: after kill -9 of the leader another process leads within 20 s', async (t) => {
  const { namespace } = await place(t, cluster)
  const first = candidate(t, namespace, 'first')
  await leading(first)
  const second = candidate(t, namespace, 'second')
  await follows(second, 'first')
  const atMs = performance.now()
  first.process.kill('SIGKILL')
  await leading(second, KILLED_LIMIT_MS)
  t.diagnostic(`taken over after ${Math.round(performance.now() - atMs)} ms`)
})

test('L4: a leader that is stopped and continued later sees at once that it leads no more', async (t) => {
  const { namespace } = await place(t, cluster)
  const first = candidate(t, namespace, 'first')
  await leading(first)
  const second = candidate(t, namespace, 'second')
  await follows(second, 'first')
  first.process.kill('SIGSTOP')
  await leading(second)
  first.process.kill('SIGCONT')
  await until('it gives up', () => !first.leads(), { limitMs: 3000, intervalMs: 20 })
  await follows(first, 'second')
  assert.equal(second.leads(), true)
})
