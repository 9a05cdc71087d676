import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { installOnNode, type NewSite } from '../node/install/site.ts'
import type { Node } from '../support/cluster/node/node.ts'
import { deployFlask, earlyStarts, overlaps, runs } from '../support/node/flask.ts'
import { type Database, deployPostgres } from '../support/node/postgres.ts'

/**
 * Random deeds against the installed product on two real nodes, with the database as the judge:
 *
 *   npm run chaos -- [--keep] [SECONDS [SEED...]]
 *
 * For each seed it starts a cluster, installs migrate.io, deploys PostgreSQL and the Flask app, and for so many seconds
 * kills, cuts, reboots, restarts, scales and renames. Then everything is brought back, the last deed is a restart, and
 * the rollout has to settle. A seed gives the same order of deeds, not the same moments.
 *
 * Exits with 1 where a rollout did not settle in time, two runs overlapped, an app started before its migration had
 * ended, or a revision was migrated twice. Where it stands still, all that may say why is printed, and with --keep the
 * cluster stays until the process is ended.
 */
const SETTLE_LIMIT_SECONDS = 60
/** What was late is still let settle, so that the database can be judged and slow can be told from never. */
const GIVE_UP_SECONDS = 300
const NAMESPACE = 'shop'
const FIRST = { replicas: 4, env: { MIGRATION_SECONDS: '3' } }

type Kubectl = (...args: string[]) => Promise<string>

interface World {
  readonly site: NewSite
  readonly second: Node
  readonly database: Database
  readonly kubectl: Kubectl
  /** At least 0, below 1. */
  readonly random: () => number
}

const isKept = process.argv.includes('--keep')
const numbers = process.argv.slice(2).filter((argument) => argument !== '--keep')
const wrong = numbers.find((text) => !/^\d{1,9}$/.test(text))
if (wrong !== undefined) {
  process.stderr.write(
    `chaos: "${wrong}" is not a whole number; usage: npm run chaos -- [--keep] [SECONDS [SEED...]]\n`,
  )
  process.exit(2)
}
const [seconds = 270, ...seeds] = numbers.map(Number)
let failed = 0
for (const seed of seeds.length > 0 ? seeds : [1]) {
  const faults = await runSeed(seed)
  process.stdout.write(`seed ${seed}: ${faults.length === 0 ? 'passed' : `failed: ${faults.join('; ')}`}\n`)
  if (faults.length > 0) failed++
}
process.stdout.write(`${Math.max(1, seeds.length) - failed} passed, ${failed} failed\n`)
process.exit(failed > 0 ? 1 : 0)

/** @returns what went against a promise, in words */
async function runSeed(seed: number): Promise<string[]> {
  await using site = await installOnNode()
  const { cluster } = site
  const second = await cluster.addNode()
  const kubectl: Kubectl = async (...args) => {
    try {
      return (await cluster.kubectl(args)).stdout
    } catch (error) {
      // The API server may just be away: that is what the deeds are about.
      return `! ${String((error as Error).message)
        .split('\n')
        .slice(-2)
        .join(' ')
        .slice(0, 160)}`
    }
  }
  await cluster.kubectl(['create', 'namespace', NAMESPACE])
  await cluster.kubectl(['label', 'namespace', NAMESPACE, 'migrate.io/injection=enabled'])
  const database = await deployPostgres(cluster, NAMESPACE)
  await deployFlask(cluster, NAMESPACE, FIRST)
  await cluster.kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deployment/flask', '--timeout=180s'])
  const world: World = { site, second, database, kubectl, random: generator(seed) }
  await disturb(world)
  const settledAfter = await settle(world)
  const faults = await judge(world, settledAfter)
  if (faults.length > 0 && isKept) {
    process.stdout.write(`kept: KUBECONFIG=${cluster.kubeconfig} (process ${process.pid})\n`)
    await new Promise(() => setInterval(() => {}, 60_000))
  }
  return faults
}

async function disturb(world: World): Promise<void> {
  const deeds = Object.entries(deedsIn(world))
  const until = Date.now() + seconds * 1000
  while (Date.now() < until) {
    const [name = '', deed] = pick(deeds, world.random) ?? []
    const at = new Date().toISOString().slice(11, 23)
    const outcome = await deed?.().catch((error: unknown) => `! ${String(error).slice(0, 200)}`)
    process.stdout.write(`${at} ${name}${outcome?.startsWith('!') ? ` ${outcome}` : ''}\n`)
    await sleep(500 + world.random() * 5000)
  }
}

function deedsIn({
  site: { cluster },
  second,
  kubectl,
  random,
}: World): Record<string, () => Promise<string | undefined>> {
  const inShop = (...args: string[]) => kubectl('-n', NAMESPACE, ...args)
  const names = async (namespace: string, selector: string) => {
    const text = await kubectl(
      '-n',
      namespace,
      'get',
      'pods',
      '-l',
      selector,
      '-o',
      'jsonpath={.items[*].metadata.name}',
    )
    return text.startsWith('!') ? [] : text.split(' ').filter(Boolean)
  }
  const deleteOne = async (namespace: string, selector: string, ...options: string[]) => {
    const name = pick(await names(namespace, selector), random)
    if (name === undefined) return '! no pod to delete'
    return kubectl('-n', namespace, 'delete', 'pod', name, '--wait=false', ...options)
  }
  const silently = async (work: () => Promise<void>) => {
    await work()
    return undefined
  }
  return {
    restart: () => inShop('rollout', 'restart', 'deployment/flask'),
    restartAgain: () => inShop('rollout', 'restart', 'deployment/flask'),
    undo: () => inShop('rollout', 'undo', 'deployment/flask'),
    scale: () => inShop('scale', 'deployment/flask', `--replicas=${1 + Math.floor(random() * 6)}`),
    deletePod: () => deleteOne(NAMESPACE, 'app=flask'),
    deleteController: () => deleteOne('migrate-io', 'app.kubernetes.io/component=controller', '--grace-period=1'),
    killApiServer: () => silently(() => cluster.restart('kube-apiserver')),
    killEtcd: () => silently(() => cluster.restart('etcd')),
    killControllerManager: () => silently(() => cluster.restart('kube-controller-manager')),
    killKubelet: () => silently(() => second.restart('kubelet')),
    killContainerd: () => silently(() => second.restart('containerd')),
    reboot: () => silently(() => second.reboot()),
    cut: () =>
      silently(async () => {
        second.disconnect()
        await sleep(4000 + random() * 8000)
        second.reconnect()
      }),
    renameLock: () =>
      inShop('annotate', '--overwrite', 'deployment/flask', random() < 0.5 ? 'migrate.io/lock=db' : 'migrate.io/lock-'),
  }
}

/** The last deed, and how long the rollout takes after it. @returns seconds; undefined where it was given up */
async function settle(world: World): Promise<number | undefined> {
  const { second, kubectl, site } = world
  second.reconnect()
  const from = Date.now()
  await site.cluster.kubectl(['-n', NAMESPACE, 'rollout', 'restart', 'deployment/flask'])
  const wait = async (limit: number) =>
    kubectl('-n', NAMESPACE, 'rollout', 'status', 'deployment/flask', `--timeout=${limit}s`)
  const isDone = (status: string) => status.includes('successfully rolled out')
  if (!isDone(await wait(SETTLE_LIMIT_SECONDS))) {
    await printAll(world)
    if (!isDone(await wait(GIVE_UP_SECONDS - SETTLE_LIMIT_SECONDS))) {
      await printAll(world)
      return undefined
    }
  }
  const took = (Date.now() - from) / 1000
  process.stdout.write(`settled after ${took.toFixed(0)} s\n`)
  return took
}

async function judge({ database }: World, settledAfter: number | undefined): Promise<string[]> {
  const all = await runs(database)
  const done = all.filter((run) => run.ended_at !== null && run.error === null)
  const byRevision = Map.groupBy(done, (run) => run.replicaSet)
  const twice = [...byRevision].filter(([, of]) => of.length > 1).map(([name]) => name)
  const together = await overlaps(database)
  const early = await earlyStarts(database)
  process.stdout.write(
    `${all.length} runs of ${new Set(all.map((run) => run.replicaSet)).size} revisions: ${done.length} ended well, ` +
      `${together.length} overlaps, ${twice.length} revisions migrated twice, ${early.length} early starts\n`,
  )
  return [
    ...(settledAfter === undefined ? [`not settled after ${GIVE_UP_SECONDS} s`] : []),
    ...(settledAfter !== undefined && settledAfter > SETTLE_LIMIT_SECONDS
      ? [`settled after ${settledAfter.toFixed(0)} s only`]
      : []),
    ...(together.length > 0 ? [`overlaps: ${JSON.stringify(together)}`] : []),
    ...(twice.length > 0 ? [`migrated twice: ${twice.join(', ')}`] : []),
    ...(early.length > 0 ? [`started early: ${JSON.stringify(early)}`] : []),
  ]
}

/** Everything that may say why it stands still. */
async function printAll({ kubectl, site: { cluster } }: World): Promise<void> {
  const ours = ['-n', 'migrate-io']
  const theirs = ['-n', NAMESPACE]
  const looks: readonly (readonly string[])[] = [
    ['get', 'nodes', '-o', 'wide'],
    [...ours, 'get', 'pods', '-o', 'wide'],
    [...theirs, 'get', 'pods', '-o', 'wide'],
    [...theirs, 'get', 'pods', '-o', 'yaml'],
    [...theirs, 'get', 'configmaps', '-o', 'yaml'],
    [...theirs, 'get', 'deployments,replicasets', '-o', 'yaml'],
    [...theirs, 'get', 'events', '--sort-by=.lastTimestamp'],
    [...ours, 'get', 'leases', '-o', 'yaml'],
    [...ours, 'logs', '-l', 'app.kubernetes.io/component=controller', '--tail=400', '--prefix'],
    [...ours, 'logs', '-l', 'app.kubernetes.io/component=controller', '--tail=100', '--prefix', '--previous'],
    [...ours, 'describe', 'pods'],
  ]
  for (const look of looks) process.stdout.write(`$ kubectl ${look.join(' ')}\n${await kubectl(...look)}\n`)
  const names = (await kubectl(...theirs, 'get', 'pods', '-l', 'app=flask', '-o', 'name')).split('\n').filter(Boolean)
  for (const name of names) {
    const script = 'cd /run/migrate.io && for f in *; do echo "== $f"; cat "$f"; echo; done; ls /run/migrate.io-state'
    const files = await kubectl(...theirs, 'exec', name, '-c', 'migrate-io', '--', 'sh', '-c', script)
    process.stdout.write(`$ files in ${name}\n${files}\n`)
    process.stdout.write(`$ logs of ${name}\n${await kubectl(...theirs, 'logs', name, '-c', 'migrate-io')}\n`)
  }
  for (const node of cluster.nodes)
    for (const component of ['kubelet', 'kube-proxy'] as const)
      process.stdout.write(`$ ${node.name}: end of ${component}'s log\n${endOf(node.log(component))}\n`)
  for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const)
    process.stdout.write(`$ end of ${component}'s log\n${endOf(cluster.log(component))}\n`)
}

function endOf(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-150).join('\n')
}

function pick<T>(items: readonly T[], random: () => number): T | undefined {
  return items[Math.floor(random() * items.length)]
}

/** Xorshift: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}
