import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { busyboxImage } from '../../support/cluster/images/images.ts'
import { sharedNode } from '../../support/cluster/shared.ts'
import { app } from '../../support/node/app.ts'
import { endOf, isReady, makeSite, ours, type Site } from '../../support/node/site.ts'

const cluster = await sharedNode()
const image = await busyboxImage()
await cluster.loadImage(image.file)

const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' }
const RESOURCES = { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } }

describe('pods that are held to rules', { concurrency: true }, () => {
  let site: Site
  before(async () => {
    site = await makeSite(cluster, 'rules')
  })
  after(() => site.installation.stop())

  async function runs(where: Site, name: string): Promise<string> {
    await where.grant(await where.waiting(name), 'run 1')
    const done = await where.pod(name, 'is ready', isReady)
    assert.deepEqual([ours(done)?.restartCount, endOf(done)?.exitCode, endOf(done)?.message], [0, 0, 'run 1'])
    return where.commandOutput(done)
  }

  test('A10: under PodSecurity restricted the migration runs, as the user that the app runs as', async () => {
    const restricted = await site.another({ labels: RESTRICTED })
    const manifest = app('restricted', {
      image: image.name,
      command: 'id -u; grep -c NoNewPrivs:.1 /proc/self/status; touch /run/migrate.io-state/mine',
      change: (spec, container) => {
        spec['securityContext'] = { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } }
        container.securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
      },
    })
    assert.equal((await restricted.place.create(manifest)).status, 201)
    assert.equal(await runs(restricted, 'restricted'), '1000\n1\n')
  })

  test('A10: a ResourceQuota and a LimitRange that just admit the app let the migration run', async () => {
    const limited = await site.another()
    await limited.place.send('create', {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'just-enough' },
      spec: { limits: [{ type: 'Container', min: RESOURCES.requests, max: RESOURCES.limits }] },
    })
    const hard = 'pods=1,requests.cpu=10m,requests.memory=32Mi,limits.cpu=500m,limits.memory=64Mi'
    await limited.place.kubectl(['create', 'quota', 'just-enough', `--hard=${hard}`])
    const change = (_: unknown, container: object) => Object.assign(container, { resources: RESOURCES })
    const manifest = app('exact', { image: image.name, command: 'echo it ran', change })
    assert.equal((await limited.place.create(manifest)).status, 201)
    assert.equal(await runs(limited, 'exact'), 'it ran\n')
  })

  test('A10: other init containers end before the migration, and sidecars serve it', async () => {
    const command = 'cat /shared/first; wget -q -O - http://127.0.0.1:8099/hello'
    const mount = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }
    const serve = 'mkdir -p /tmp/www && echo from the sidecar >/tmp/www/hello && httpd -f -p 8099 -h /tmp/www'
    const manifest = app('company', {
      image: image.name,
      command,
      change: (spec, container) => {
        spec.volumes = [{ name: 'shared', emptyDir: {} }]
        Object.assign(container, mount)
        const base = { image: image.name, imagePullPolicy: 'Never' }
        spec.initContainers = [
          {
            ...base,
            name: 'sidecar',
            restartPolicy: 'Always',
            command: ['sh', '-c', serve],
            startupProbe: { httpGet: { path: '/hello', port: 8099 }, periodSeconds: 1 },
          },
          { ...base, ...mount, name: 'first', command: ['sh', '-c', 'echo the first >/shared/first'] },
        ]
      },
    })
    assert.equal((await site.place.create(manifest)).status, 201)
    assert.equal(await runs(site, 'company'), 'the first\nfrom the sidecar\n')
  })
})
