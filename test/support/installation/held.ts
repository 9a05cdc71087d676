import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { Pod } from '../../../src/kube/objects.ts'
import type { CliResult } from '../cli/run-cli.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { root } from '../tooling/root.ts'
import { until } from '../until.ts'
import { openScene, revisionOf, running, type Scene } from './migrating.ts'

const LIMIT_MS = 30_000

/** A Deployment web whose first pod has the lock and was told to run, as run 3. */
export interface HeldScene {
  readonly scene: Scene
  readonly pod: Pod
  readonly node: string
  readonly path: string
  /** The pod as it is now. */
  look(): Promise<Pod | undefined>
}

/** @param ready the state of its node */
export async function held(
  cluster: SharedCluster,
  ready: 'True' | 'Unknown',
  { lock, graceSeconds }: { readonly lock?: string; readonly graceSeconds?: number } = {},
): Promise<HeldScene> {
  const scene = await openScene(cluster, { 'migrate.io/injection': 'enabled' })
  const [pod] = await scene.deploy('web', {
    ...(lock === undefined ? {} : { settings: { lock } }),
    ...(graceSeconds === undefined ? {} : { graceSeconds }),
  })
  assert.ok(pod)
  const node = await scene.bind(pod, ready)
  await scene.tell(pod, running())
  await scene.grant(pod, 'run 3')
  const { name, uid } = pod.metadata
  const holder = { pod: name, uid, revision: revisionOf(pod) }
  await scene.record('web', { number: 3, holder: lock === undefined ? holder : { ...holder, lock } })
  const path = `/api/v1/namespaces/${scene.namespace}/pods/${name}`
  const look = async () => {
    const { status, body } = await cluster.get<Pod>(path)
    return status === 200 ? body : undefined
  }
  return { scene, pod, node, path, look }
}

/** Started, while the test plays the others. */
export function start(args: readonly string[]): Promise<CliResult> {
  const child = spawn(process.execPath, [`${root}/src/main.ts`, ...args])
  child.stdin.end()
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  return new Promise((resolve) =>
    child.on('close', async (code) => {
      const [stdout, stderr] = await output
      resolve({ code, stdout, stderr })
    }),
  )
}

/** Runs it on a terminal, does something once the question is there, and then gives the answer. */
export async function answer(
  args: readonly string[],
  question: RegExp,
  { meanwhile = async () => {}, says }: { readonly meanwhile?: () => Promise<unknown>; readonly says: string },
): Promise<{ readonly code: number | null; readonly shown: string }> {
  const command = [process.execPath, `${root}/src/main.ts`, ...args].join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'])
  let shown = ''
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString()
  })
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  await until('the question is asked', () => question.test(shown), { limitMs: LIMIT_MS })
  await meanwhile()
  child.stdin.end(`${says}\n`)
  return { code: await closed, shown }
}
