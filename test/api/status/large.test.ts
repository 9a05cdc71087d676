import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { startCluster } from '../../support/cluster/cluster.ts'
import { DEPLOYMENTS, fill, INJECTED_EACH, ROLLING_EACH } from '../../support/status/large-cluster.ts'
import { root } from '../../support/tooling/root.ts'

const LIMIT_MIB = 150

test('status of 2,000 Deployments, 500 of them injected, with 10,000 pods: within 150 MiB', async (t) => {
  await using cluster = await startCluster()
  // All objects are made here, as they would be.
  await cluster.stop('kube-controller-manager')
  await fill(cluster)
  const runs = [1, 2, 3].map(() => measure(cluster.kubeconfig))
  for (const { ms, mib } of runs) t.diagnostic(`${ms.toFixed(0)} ms, ${mib.toFixed(0)} MiB at most`)
  const [first] = runs
  assert.equal(first?.report.deployments.length, DEPLOYMENTS / INJECTED_EACH)
  const states = Object.groupBy(first?.report.deployments ?? [], ({ state }) => state)
  t.diagnostic(JSON.stringify(Object.fromEntries(Object.entries(states).map(([state, all]) => [state, all?.length]))))
  assert.equal(states['Running']?.length, DEPLOYMENTS / INJECTED_EACH / ROLLING_EACH)
  for (const { mib } of runs) assert.ok(mib < LIMIT_MIB, `${mib} MiB`)
})

interface Measured {
  readonly ms: number
  readonly mib: number
  readonly report: { readonly deployments: readonly { readonly state: string }[] }
}

/** The program as its user runs it, from its start to its end. */
function measure(kubeconfig: string): Measured {
  const from = performance.now()
  const preload = `data:text/javascript,process.on('exit',()=>process.stderr.write(String(process.resourceUsage().maxRSS)))`
  const args = ['--import', preload, `${root}/src/main.ts`, 'status', '-A', '-o', 'json', '--kubeconfig', kubeconfig]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const ms = performance.now() - from
  assert.equal(status, 0, stderr)
  return { ms, mib: Number(stderr) / 1024, report: JSON.parse(stdout) }
}
