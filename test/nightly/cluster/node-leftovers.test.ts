import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { isAlive } from '../../support/cluster/identity.ts'
import { connectNodeCluster } from '../../support/cluster/node/cluster.ts'
import { type Evidence, gather, ownMounts, remains, surroundings } from '../../support/cluster/node/evidence.ts'
import { runScript } from '../../support/cluster/node/pod.ts'
import { startNodeCluster } from '../../support/cluster/node/start.ts'
import { recordedProcess } from '../../support/cluster/run-folder.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 60_000

const parent = mkdtempSync(join(tmpdir(), 'migrate-io-node-tests-'))
after(() => rmSync(parent, { recursive: true, force: true }))

describe('of a cluster with nodes nothing stays behind', () => {
  const before = surroundings()
  after(() => assert.deepEqual(surroundings(), before))

  test('when it is stopped, with pods, volumes and Services', async () => {
    const cluster = await startNodeCluster({ parent })
    await runScript(cluster, 'busy', 'while :; do sleep 1; done', {
      volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
    })
    await cluster.kubectl(['expose', 'pod', 'busy', '--port=80'])
    const evidence = gather(cluster.folder)
    assertIsComplete(evidence)
    const mounts = ownMounts(recordedProcess(cluster.folder, 'node-1')?.pid ?? 0)
    for (const path of ['/run', '/var/lib', '/var/log']) assert.ok(mounts.includes(path), `${path} is the node's own`)
    await cluster.stop()
    await gone(evidence)
    assert.deepEqual(readdirSync(parent), [])
  })

  test('when its start fails', async () => {
    const starting = startNodeCluster({ parent, extraArguments: { kubelet: ['--no-such-flag'] } })
    await assert.rejects(starting, /node-1\.kubelet ended while it started.*unknown flag: --no-such-flag/s)
    assert.deepEqual(readdirSync(parent), [])
  })

  test('when its owner is ended while it starts', async () => {
    const { owner, line } = startOwner()
    const folder = await until('there is a machine', () => folderWithMachine(), { limitMs: LIMIT_MS })
    const evidence = gather(folder)
    owner.kill('SIGINT')
    const [, by] = await once(owner, 'exit')
    assert.equal(by, 'SIGINT')
    await gone(evidence)
    line.close()
  })

  test('when its owner is ended by Ctrl-C', async () => {
    const { owner, evidence } = await clusterOfAnotherProcess()
    owner.kill('SIGINT')
    const [, by] = await once(owner, 'exit')
    assert.equal(by, 'SIGINT')
    await gone(evidence)
  })

  test('when its owner is killed: no process at once, and nothing else after the next start', async () => {
    const { owner, evidence } = await clusterOfAnotherProcess()
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    await until('its processes have ended', () => !evidence.processes.some(isAlive), { limitMs: LIMIT_MS })
    // Any start removes the rest, so another test's may have been faster. It may be anywhere: a network that was left is
    // found without knowing where its folder stands.
    const elsewhere = mkdtempSync(join(tmpdir(), 'migrate-io-node-tests-'))
    after(() => rmSync(elsewhere, { recursive: true, force: true }))
    await using _next = await startNodeCluster({ parent: elsewhere })
    await gone(evidence)
    assert.deepEqual(readdirSync(parent), [])
  })

  test('unless it is detached: then it outlives its owner, until it is stopped', async () => {
    const { owner, evidence } = await clusterOfAnotherProcess({ detached: true })
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    const cluster = await connectNodeCluster(evidence.folder)
    assert.equal(await cluster.exec('busy', ['echo', 'alive']), 'alive\n')
    await cluster.stop()
    await gone(evidence)
  })
})

/** Evidence that misses something would show nothing. */
function assertIsComplete({ processes, interfaces }: Evidence): void {
  // Four of the control plane, four of the node, then a shim, a pause and a container's shell.
  assert.ok(processes.length >= 11, `${processes.length} processes`)
  assert.equal(interfaces.length, 2)
}

async function gone(evidence: Evidence): Promise<void> {
  await until('nothing is left', () => remains(evidence), { limitMs: LIMIT_MS, accept: (left) => left.length === 0 })
}

function folderWithMachine(): string | undefined {
  const [name] = readdirSync(parent)
  if (name === undefined) return undefined
  const folder = join(parent, name)
  return existsSync(join(folder, 'processes', 'node-1.containerd')) ? folder : undefined
}

function startOwner(options: { detached?: boolean } = {}) {
  const module = (name: string) => JSON.stringify(new URL(`../../support/cluster/${name}`, import.meta.url).href)
  const program = `
    import { startNodeCluster } from ${module('node/start.ts')}
    import { runScript } from ${module('node/pod.ts')}
    const cluster = await startNodeCluster(${JSON.stringify({ parent, ...options })})
    await runScript(cluster, 'busy', 'sleep infinity')
    console.log(cluster.folder)
    setInterval(() => {}, 60_000)
  `
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { owner, line: createInterface(owner.stdout) }
}

/** Starts a process that starts a cluster with a pod in it and stays. */
async function clusterOfAnotherProcess(options: { detached?: boolean } = {}) {
  const { owner, line } = startOwner(options)
  const [folder] = (await once(line, 'line')) as [string]
  const evidence = gather(folder)
  assertIsComplete(evidence)
  return { owner, evidence }
}
