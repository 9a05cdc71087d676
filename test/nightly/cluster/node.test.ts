import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { NodeCluster, NodeClusterComponent } from '../../support/cluster/node/cluster.ts'
import { runScript } from '../../support/cluster/node/pod.ts'
import { startNodeCluster } from '../../support/cluster/node/start.ts'
import { together } from '../../support/cluster/together.ts'
import { until } from '../../support/until.ts'

interface Pod {
  spec?: { nodeName?: string }
  status: {
    phase: string
    podIP: string
    containerStatuses: { restartCount: number; containerID: string; state: { running?: { startedAt: string } } }[]
  }
}

const LIMIT_MS = 90_000
const SERVE =
  'mkdir -p /tmp/www && echo "served by $HOSTNAME" > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www'

const parent = mkdtempSync(join(tmpdir(), 'migrate-io-node-tests-'))
after(() => rmSync(parent, { recursive: true, force: true }))

describe('a cluster with a node', () => {
  let cluster: NodeCluster
  before(async () => {
    cluster = await startNodeCluster({ parent })
  })
  after(() => cluster.stop())

  test('runs a pod with an init container and an emptyDir; logs and exec work', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    const image = 'migrate.io/busybox:test'
    await runScript(cluster, 'with-init', 'cat /shared/note; sleep infinity', {
      initContainers: [{ name: 'first', image, command: ['sh', '-c', 'echo prepared > /shared/note'], volumeMounts }],
      containers: [{ name: 'app', image, command: ['sh', '-c', 'cat /shared/note; sleep infinity'], volumeMounts }],
      volumes: [{ name: 'shared', emptyDir: {} }],
    })
    assert.equal(await cluster.logs('with-init'), 'prepared\n')
    assert.equal(await cluster.exec('with-init', ['cat', '/shared/note'], { container: 'app' }), 'prepared\n')
    await assert.rejects(cluster.exec('with-init', ['false']), /exit code 1/)
  })

  test('has pods and Services that this process and the API server reach, and pods that reach this process', async () => {
    await runScript(cluster, 'web', SERVE)
    await cluster.kubectl(['expose', 'pod', 'web', '--port=80', '--target-port=8080'])
    const { body } = await cluster.get<Pod>('/api/v1/namespaces/default/pods/web')
    assert.equal(await text(`http://${body.status.podIP}:8080/`), 'served by web\n')
    const service = await addressOf('web')
    await until('the Service answers', () => text(`http://${service}/`), { limitMs: LIMIT_MS })
    const proxied = await cluster.get('/api/v1/namespaces/default/services/web:80/proxy/')
    assert.equal(proxied.body, 'served by web\n')
    assert.match(await cluster.exec('with-init', request(service, 80)), /served by web/)

    const server = createServer((_, response) => response.end('from the test')).listen(0, cluster.hostAddress)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    assert.match(await cluster.exec('with-init', request(cluster.hostAddress, port)), /from the test/)
    server.close()
  })

  test('lets nothing out', async () => {
    const ping = (address: string) => cluster.exec('with-init', ['ping', '-c', '1', '-W', '2', address])
    await ping(cluster.hostAddress)
    await assert.rejects(ping('203.0.113.1'), /exit code 1/)
  })

  for (const component of ['containerd', 'kubelet', 'kube-proxy', 'kube-scheduler', 'kube-apiserver'] as const) {
    test(`goes on after a crash of ${component}, and its containers don't notice`, async () => {
      const earlier = await containerOf('web')
      await cluster.restart(component satisfies NodeClusterComponent)
      await runScript(cluster, `after-${component}`, 'echo here; sleep infinity')
      assert.equal(await cluster.logs(`after-${component}`), 'here\n')
      assert.deepEqual(await containerOf('web'), earlier)
      const service = await addressOf('web')
      await until('the Service answers', () => text(`http://${service}/`), { limitMs: LIMIT_MS })
    })
  }

  test('starts no pod while kubelet is paused, and starts it then', async () => {
    cluster.pause('kubelet')
    const starting = runScript(cluster, 'patient', 'sleep infinity')
    const pod = () => cluster.get<Pod>('/api/v1/namespaces/default/pods/patient')
    try {
      await until('the pod has a node', pod, { limitMs: LIMIT_MS, accept: ({ body }) => Boolean(body.spec?.nodeName) })
      await assert.rejects(text(`http://${cluster.nodes[0]?.address}:10248/healthz`), /timeout/)
      assert.equal((await pod()).body.status.phase, 'Pending')
    } finally {
      cluster.resume('kubelet')
    }
    await starting
  })

  test('has its node become NotReady when it is unreachable, while its containers run on, and Ready again', async () => {
    await runScript(cluster, 'counter', 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.2; done')
    const earlier = await containerOf('counter')
    const counted = await lastLine('counter')
    cluster.nodes[0]?.disconnect()
    await nodeIs('Unknown')
    cluster.nodes[0]?.reconnect()
    await nodeIs('True')
    assert.deepEqual(await containerOf('counter'), earlier)
    // It took the controllers 20 s to notice, in which the container has counted to about a hundred more.
    const now = await until('logs can be read', () => lastLine('counter'), { limitMs: LIMIT_MS })
    assert.ok(now > counted + 50, `counted from ${counted} to ${now}`)
  })

  test('starts its containers anew after a reboot, with their volumes as they were', async () => {
    const earlier = await containerOf('with-init')
    await cluster.exec('with-init', ['sh', '-c', 'echo kept >> /shared/more'])
    await cluster.nodes[0]?.reboot()
    await until('the pod runs again', () => containerOf('with-init'), {
      limitMs: LIMIT_MS,
      accept: (seen) => seen.state.running !== undefined && seen.containerID !== earlier.containerID,
    })
    assert.equal(await cluster.exec('with-init', ['cat', '/shared/more']), 'kept\n')
    const service = await addressOf('web')
    await until('the Service answers', () => text(`http://${service}/`), { limitMs: LIMIT_MS })
  })

  test('takes a second node with the images of the first, and pods on both reach each other', async () => {
    const second = await cluster.addNode()
    // Its image was loaded before the node came, as migrate.io's is: a pod that moves there has to start.
    await runScript({ ...cluster, loadImage: async () => {} }, 'there', SERVE, { nodeName: second.name })
    const { body } = await cluster.get<Pod>('/api/v1/namespaces/default/pods/there')
    assert.match(await cluster.exec('with-init', request(body.status.podIP, 8080)), /served by there/)
    assert.equal(await text(`http://${body.status.podIP}:8080/`), 'served by there\n')
  })

  async function addressOf(service: string): Promise<string> {
    return (await cluster.kubectl(['get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}'])).stdout
  }

  async function containerOf(pod: string) {
    const { body } = await cluster.get<Pod>(`/api/v1/namespaces/default/pods/${pod}`)
    const [container] = body.status.containerStatuses
    assert.ok(container, `${pod} has a container`)
    return container
  }

  async function lastLine(pod: string): Promise<number> {
    return Number((await cluster.logs(pod)).trim().split('\n').pop())
  }

  async function nodeIs(status: 'True' | 'Unknown'): Promise<void> {
    await cluster.kubectl(['wait', 'node/node-1', `--for=condition=Ready=${status}`, '--timeout=90s'])
  }
})

test('two clusters side by side do not disturb each other', async () => {
  const [first, second] = await together([startNodeCluster({ parent }), startNodeCluster({ parent })])
  try {
    await together([runScript(first, 'same', SERVE), runScript(second, 'same', SERVE)])
    const addressIn = async (cluster: NodeCluster) => {
      const { body } = await cluster.get<Pod>('/api/v1/namespaces/default/pods/same')
      return body.status.podIP
    }
    const [one, other] = await together([addressIn(first), addressIn(second)])
    assert.notEqual(one, other)
    for (const address of [one, other]) assert.equal(await text(`http://${address}:8080/`), 'served by same\n')
    await assert.rejects(first.exec('same', request(other, 8080)), /exit code 1/)
    await first.stop()
    assert.equal(await text(`http://${other}:8080/`), 'served by same\n')
    assert.match(await second.exec('same', ['hostname']), /same/)
  } finally {
    await together([first.stop(), second.stop()])
  }
})

async function text(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
  return answer.text()
}

/** A command that calls a server over HTTP. */
function request(address: string, port: number): string[] {
  return ['sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} ${port}`]
}
