import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { busyboxImage, debianImage } from '../../support/cluster/images/images.ts'
import { sharedNode } from '../../support/cluster/shared.ts'
import { type AppOptions, app } from '../../support/node/app.ts'
import { killOurs } from '../../support/node/container-process.ts'
import { endOf, isReady, LIMIT_MS, makeSite, ours, type Site } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedNode()
const images = { busybox: await busyboxImage(), debian: await debianImage() }
for (const { file } of Object.values(images)) await cluster.loadImage(file)

const NO_LABEL = 'no pod of a Deployment: it has no label pod-template-hash'
const STALE_LIMIT_MS = 150_000 // the wrapper waits for 60 s before it gives a number back

describe('the wrapper in real containers', { concurrency: true }, () => {
  let site: Site
  before(async () => {
    site = await makeSite(cluster, 'wrapper')
  })
  after(() => site.installation.stop())

  const deploy = async (name: string, options: Omit<AppOptions, 'image'>, image = images.busybox) => {
    const { status, body } = await site.place.create(app(name, { ...options, image: image.name }))
    assert.equal(status, 201, JSON.stringify(body))
    return site.waiting(name)
  }

  test('W1: waits, runs when told to, and then the app starts', async () => {
    const pod = await deploy('runs', { command: 'echo out; echo err >&2' })
    assert.match(await site.output(pod), /waiting for the migrate\.io controller/)
    await site.grant(pod, 'run 1')
    const done = await site.pod('runs', 'is ready', isReady)
    assert.deepEqual([ours(done)?.restartCount, endOf(done)?.exitCode, endOf(done)?.message], [0, 0, 'run 1'])
    assert.match(await site.output(pod), /^out$/m)
  })

  test('W1: skips by the record, and by a grant, without running', async () => {
    const [recorded, told] = await Promise.all(
      ['recorded', 'told'].map((name) => deploy(name, { command: 'echo it ran' })),
    )
    assert.ok(recorded && told)
    await site.grant(told, 'skip')
    await site.place.send('create', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'deployment.recorded.migrate-io' },
      data: { [`completed.${recorded.metadata.labels?.['pod-template-hash']}`]: '{"pod":"an-earlier-one"}' },
    })
    for (const pod of [recorded, told]) {
      const name = pod.metadata.labels?.['app'] ?? ''
      // kubelet looks at ConfigMaps that changed about once a minute.
      const done = await until(`${name} is ready`, async (): Promise<Pod | undefined> => (await site.pods(name))[0], {
        limitMs: STALE_LIMIT_MS,
        accept: (seen) => seen !== undefined && isReady(seen),
      })
      assert.deepEqual([endOf(done)?.exitCode, endOf(done)?.message], [0, undefined])
      assert.doesNotMatch(await site.output(pod), /it ran/)
    }
  })

  test('W2: a waiting wrapper is gone soon after TERM, long before the grace period', async (t) => {
    const pod = await deploy('term-waiting', { command: 'true' })
    const took = await deletion(pod)
    t.diagnostic(`${took.toFixed(0)} ms from the call until the pod is gone`)
    assert.ok(took < 3 * 2_000, `${took} ms`)
  })

  test('W2: the command gets TERM itself, and what it exits with is the exit code', async () => {
    const command = `trap 'echo got it; exit 7' TERM; echo started; while :; do sleep 0.1; done`
    // A finalizer keeps the pod object, so that its end can be looked at.
    const finalizers = ['test.migrate.io/look']
    const manifest = app('term-command', { command, image: images.busybox.name })
    Object.assign(manifest.spec.template.metadata, { finalizers })
    assert.equal((await site.place.create(manifest)).status, 201)
    const pod = await site.waiting('term-command')
    await site.grant(pod, 'run 1')
    await until('the command has started', async () => /^started$/m.test(await site.output(pod)), { limitMs: LIMIT_MS })
    await site.place.kubectl(['delete', 'pod', pod.metadata.name, '--wait=false'])
    const ended = await until('it has ended', () => read(pod), {
      limitMs: LIMIT_MS,
      accept: (seen) => endOf(seen) !== undefined,
    })
    await site.place.kubectl(['delete', 'deployment', 'term-command', '--wait=false'])
    const { name } = pod.metadata
    await site.place.kubectl(['patch', 'pod', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])
    assert.deepEqual([endOf(ended)?.exitCode, endOf(ended)?.message], [7, 'run 1'])
  })

  for (const [shell, image] of Object.entries(images)) {
    test(`W3: ${shell}: waiting costs next to nothing, and is no restart`, async (t) => {
      const pod = await deploy(`idle-${shell}`, { command: 'true' }, image)
      // Past the first seconds, in which it looks more often.
      await until('it has waited', async () => Date.now() - startOf(await read(pod)) > 8_000, { limitMs: LIMIT_MS })
      const [from, cpuBefore] = [performance.now(), await cpuMs(pod)]
      await until('some time has gone by', () => performance.now() - from > 50_000, { limitMs: LIMIT_MS })
      const used = (await cpuMs(pod)) - cpuBefore
      const millicores = used / ((performance.now() - from) / 1000)
      t.diagnostic(`${millicores.toFixed(2)} millicores`)
      assert.ok(millicores < 2 * 5, `${millicores} millicores`)
      assert.equal(ours(await read(pod))?.restartCount, 0)
    })
  }

  test('W4: works with a read-only root, as another user, without a token, and with its network down', async () => {
    const command = 'id -u; cat /sys/class/net/eth0/operstate; test ! -e /var/run/secrets && ! touch /x 2>/dev/null'
    await deploy('bare', {
      command,
      change: (spec, container) => {
        spec['automountServiceAccountToken'] = false
        spec.initContainers = [
          {
            name: 'network-down',
            image: images.busybox.name,
            imagePullPolicy: 'Never',
            command: ['sh', '-c', 'ip link set eth0 down && ip link set lo down'],
            securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN'] } },
          },
        ]
        container.securityContext = {
          runAsUser: 65534,
          runAsNonRoot: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        }
      },
    })
    const pod = await site.waiting('bare')
    await site.grant(pod, 'run 1')
    const done = await site.pod('bare', 'is ready', isReady)
    assert.deepEqual([ours(done)?.restartCount, endOf(done)?.exitCode], [0, 0])
    assert.match(await site.commandOutput(done), /^65534\ndown$/m)
  })

  for (const [name, image] of Object.entries(images))
    test(`W4, W7: ${name}: its message works with a read-only root, as another user, with volumes at /run`, async () => {
      const look = 'cat /dev/migrate.io-message; echo; ls /proc/self/fd; echo x 2>&1 >/dev/termination-log || echo none'
      const command = `${look}; exec 1>&- 2>&-; exit 0`
      const pod = await deploy(
        `message-${name}`,
        {
          command,
          change: (spec, container) => {
            spec.volumes = [{ name: 'run', emptyDir: { medium: 'Memory' } }]
            container.volumeMounts = [{ name: 'run', mountPath: '/run' }]
            container.securityContext = {
              runAsUser: 65534,
              runAsNonRoot: true,
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            }
          },
        },
        image,
      )
      await site.grant(pod, 'run 1')
      const done = await site.pod(`message-${name}`, 'is ready', isReady)
      assert.deepEqual([ours(done)?.restartCount, endOf(done)?.exitCode, endOf(done)?.message], [0, 0, 'run 1'])
      const output = await site.output(done)
      assert.match(output, /^run 1$/m)
      assert.match(output, /^none$/m, 'as another user it can make none of its own')
      // 3 is the folder that `ls` lists.
      assert.match(output, /^0\n1\n2\n3$/m)
    })

  test('W8: pods that no Deployment made say what they are and what to do, and end with 78', async () => {
    const pod = await deploy('of-a-deployment', { command: 'echo it ran' })
    const { template } = (await site.place.deployment('of-a-deployment')).spec
    const bare = (name: string, more: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...template.metadata, name, labels: { ...template.metadata.labels, app: name } },
      spec: { ...template.spec, ...more },
    })
    await site.place.send('create', bare('lone', {}))
    await site.place.send('create', bare('lone-never', { restartPolicy: 'Never' }))
    const copy = ['debug', pod.metadata.name, '--copy-to=copy', '--container=app', '--', 'sh', '-c', 'sleep 1000']
    await site.place.kubectl(copy)
    const labels = { ...template.metadata.labels, app: 'job' }
    await site.place.send('create', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job' },
      spec: { backoffLimit: 0, template: { metadata: { labels }, spec: { ...template.spec, restartPolicy: 'Never' } } },
    })
    const ofJob = await site.pod('job')
    for (const name of ['lone', 'lone-never', 'copy', ofJob.metadata.name]) {
      const ended = await until(`${name} has ended`, () => read({ metadata: { name } }), {
        limitMs: LIMIT_MS,
        accept: (seen) => endOf(seen) !== undefined,
      })
      const end = endOf(ended)
      const took = Date.parse(end?.finishedAt ?? '') - Date.parse(end?.startedAt ?? '')
      assert.deepEqual([end?.exitCode, end?.message], [78, NO_LABEL], name)
      assert.ok(took <= 3 * 10_000, `${name} ended after ${took} ms`)
      const args = ['logs', name, '-c', 'migrate-io']
      const logs = async () =>
        (await site.place.kubectl([...args, '--previous'], { allowFailure: true })).stdout +
        (await site.place.kubectl(args, { allowFailure: true })).stdout
      await until(`${name} has said so`, logs, {
        limitMs: LIMIT_MS,
        accept: (text) => /no Deployment made this pod.*--keep-init-containers=false/.test(text),
      })
    }
    await until('the pod that is not restarted has failed', () => read({ metadata: { name: 'lone-never' } }), {
      limitMs: LIMIT_MS,
      accept: ({ status }) => status?.phase === 'Failed',
    })
    assert.equal(ours(await read(pod))?.restartCount, 0, 'the Deployment’s own waits on')
  })

  test('W5: killed while waiting, it waits again, and its run number is used once', async () => {
    const pod = await deploy('killed-waiting', { command: 'echo it ran' })
    killOurs(pod)
    const again = await site.pod('killed-waiting', 'has restarted', (seen) => isRestarted(seen))
    assert.deepEqual([endOf(again)?.exitCode, endOf(again)?.message], [137, undefined])
    await site.grant(again, 'run 1')
    const done = await site.pod('killed-waiting', 'is ready', isReady)
    assert.deepEqual([endOf(done)?.exitCode, endOf(done)?.message], [0, 'run 1'])
    assert.equal((await site.output(done)).match(/^it ran$/gm)?.length, 1)
  })

  test('W5: killed while running, the number is never used again: it is given back, and a higher one is taken', async () => {
    const count = 'echo it ran >>/scratch/runs; '
    const pod = await deploy('killed-running', {
      command: `${count}cat /scratch/runs; [ -e /scratch/enough ] || sleep 1000`,
      change: (spec, container) => {
        spec.volumes = [{ name: 'scratch', emptyDir: {} }]
        container.volumeMounts = [{ name: 'scratch', mountPath: '/scratch' }]
      },
    })
    await site.grant(pod, 'run 1')
    await until('it runs', async () => /it ran/.test(await site.output(pod)), { limitMs: LIMIT_MS })
    killOurs(await read(pod))
    const again = await site.pod('killed-running', 'has restarted', (seen) => isRestarted(seen))
    assert.deepEqual([endOf(again)?.exitCode, endOf(again)?.message], [137, 'run 1'])
    await until('it says so', async () => /used by an earlier start/.test(await site.output(pod)), {
      limitMs: LIMIT_MS,
    })
    const given = await until('it gives the number back', () => read(pod), {
      limitMs: STALE_LIMIT_MS,
      accept: (seen) => endOf(seen)?.message === 'stale 1',
    })
    assert.equal(endOf(given)?.exitCode, 75)
    await site.pod('killed-running', 'waits again', (seen) => ours(seen)?.state?.running !== undefined)
    const inContainer = ['exec', pod.metadata.name, '-c', 'migrate-io', '--']
    const { stdout } = await site.place.kubectl([...inContainer, 'cat', '/scratch/runs'])
    assert.equal(stdout, 'it ran\n', 'once, for run 1')
    await site.place.kubectl([...inContainer, 'touch', '/scratch/enough'])
    await site.grant(given, 'run 2')
    const done = await site.pod('killed-running', 'is ready', isReady)
    assert.equal(endOf(done)?.message, 'run 2')
    assert.equal((await site.output(done)).match(/^it ran$/gm)?.length, 2)
  })

  for (const [shell, image] of Object.entries(images)) {
    test(`W6: ${shell}: at its limit a command that ignores TERM is ended, with its children, as process 1`, async () => {
      const command = `trap '' TERM; echo "process $$ of $PPID"; (trap '' TERM; sleep 1000) & sleep 1000`
      const pod = await deploy(`limit-${shell}`, { command, settings: { timeout: '2s' } }, image)
      await site.grant(pod, 'run 1')
      const ended = await site.pod(`limit-${shell}`, 'has ended', (seen) => endOf(seen) !== undefined)
      assert.deepEqual([endOf(ended)?.exitCode, endOf(ended)?.message], [124, 'run 1 timeout'])
      // Where it has restarted already, its log is the previous one; it may restart between the two looks.
      const previous = ['logs', pod.metadata.name, '-c', 'migrate-io', '--previous']
      const logs = async () =>
        (await site.place.kubectl(previous, { allowFailure: true })).stdout + (await site.output(pod))
      await until('it has said so', logs, {
        limitMs: LIMIT_MS,
        accept: (text) => /ran longer than 2s and is ended/.test(text),
      })
    })

    test(`W6: ${shell}: TERM reaches a command that has a limit, and its exit code is kept`, async () => {
      const command = `trap 'exit 9' TERM; echo started; while :; do sleep 0.1; done`
      const name = `limit-term-${shell}`
      const pod = await deploy(name, { command, settings: { timeout: '10m' } }, image)
      await site.grant(pod, 'run 1')
      await until('it runs', async () => /^started$/m.test(await site.output(pod)), { limitMs: LIMIT_MS })
      await site.place.kubectl(['exec', pod.metadata.name, '-c', 'migrate-io', '--', 'sh', '-c', 'kill -TERM 1'])
      const ended = await site.pod(name, 'has ended', (seen) => endOf(seen) !== undefined)
      assert.deepEqual([endOf(ended)?.exitCode, endOf(ended)?.message], [9, 'run 1'])
    })
  }

  async function read({ metadata: { name } }: { metadata: { name: string } }): Promise<Pod> {
    const { stdout } = await site.place.kubectl(['get', 'pod', name, '-o', 'json'])
    return JSON.parse(stdout) as Pod
  }

  /** Milliseconds from the call to the end of the pod. */
  async function deletion({ metadata: { name } }: Pod): Promise<number> {
    const from = performance.now()
    await site.place.kubectl(['delete', 'pod', name])
    return performance.now() - from
  }

  /** CPU time of our container's first process and of all that it has started and seen end. */
  async function cpuMs(pod: Pod): Promise<number> {
    const { name } = pod.metadata
    const { stdout } = await site.place.kubectl(['exec', name, '-c', 'migrate-io', '--', 'cat', '/proc/1/stat'])
    const ticks = stdout
      .replace(/^.*\) /, '')
      .split(' ')
      .slice(11, 15)
      .map(Number)
    assert.equal(ticks.length, 4)
    return ticks.reduce((sum, each) => sum + each, 0) * 10 // USER_HZ is 100
  }
})

function startOf(pod: Pod): number {
  return Date.parse(ours(pod)?.state?.running?.startedAt ?? '')
}

function isRestarted(pod: Pod): boolean {
  return (ours(pod)?.restartCount ?? 0) > 0 && ours(pod)?.state?.running !== undefined
}
