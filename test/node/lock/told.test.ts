import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lockConfigMapName } from '../../../src/names.ts'
import { migrateIoImage, movedTag } from '../../support/cluster/images/images.ts'
import { app, type Manifest } from '../../support/installation/deployment.ts'
import { openFlaggedWorkshop } from '../../support/lock/flagged.ts'
import { waitsFor } from '../../support/lock/flags.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { untilStatus } from '../../support/lock/status-of.ts'
import type { Workshop } from '../../support/lock/workshop.ts'
import { isReady, ours } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('told')
const { cluster } = stage

const LIMIT_MS = 180_000
const EVENTS_MAX = 10 // for a rollout of 100 replicas

const open = () => openFlaggedWorkshop(stage)

/** Where `status` looks for the Deployments of a workshop. */
function sightOf({ name }: Workshop) {
  return { kubeconfig: cluster.kubeconfig, namespace: name }
}

/** What a person sees who knows nothing but this command. */
async function describeDeployment({ site }: Workshop, name: string): Promise<string> {
  return (await site.place.kubectl(['describe', 'deployment', name])).stdout
}

/** Returns the Events in its description, once one of them says so. */
async function untilTold(workshop: Workshop, name: string, what: RegExp): Promise<string> {
  const text = await until(`the description of ${name} says ${what}`, () => describeDeployment(workshop, name), {
    limitMs: LIMIT_MS,
    intervalMs: 500,
    accept: (text) => what.test(text),
  })
  return text.slice(text.indexOf('Events:'))
}

describe('kubectl describe deployment tells what the matter is', { concurrency: true }, () => {
  test('L1: a rollout of ten: who ran and that it succeeded, in few Events', async () => {
    const { workshop } = await open()
    await workshop.rollOut('fine', { replicas: 10, does: 'sleep 2' })
    const [run] = workshop.journal.starts()
    const told = await untilTold(workshop, 'fine', /MigrationSucceeded/)
    assert.match(told, new RegExp(`Normal +MigrationStarted .*Pod ${run?.pod} runs the migration`))
    assert.match(told, new RegExp(`Normal +MigrationSucceeded .*run \\d+ took \\d+ s in pod ${run?.pod}`))
    const { items } = JSON.parse(
      (await workshop.site.place.kubectl(['get', 'events.events.k8s.io', '-o', 'json'])).stdout,
    ) as { items: readonly { reportingController: string; reason: string }[] }
    const ours = items.filter(({ reportingController }) => reportingController === 'migrate.io/controller')
    assert.deepEqual(ours.map(({ reason }) => reason).sort(), ['MigrationStarted', 'MigrationSucceeded'])
    assert.ok(ours.length <= EVENTS_MAX)
  })

  test('L3: it fails: exit code, how often, the next try, and where to look; then that it was given up', async () => {
    const { workshop } = await open()
    await workshop.apply('failing', { settings: { retries: '1' }, does: 'exit 3' })
    const told = await untilTold(workshop, 'failing', /migrate.io\/retries allows no more attempts/)
    assert.match(told, /Warning +MigrationFailed .*Run \d+ of revision \w+ failed with exit code 3 in pod failing-/)
    assert.match(
      told,
      /failures so far: 1\. The next attempt starts no earlier than \d{4}-.*pods that serve keep serving\. See why: kubectl -n \S+ logs/,
    )
    assert.match(told, /failures so far: 2\. migrate.io\/retries allows no more attempts/)
  })

  test('W6: it takes longer than migrate.io/timeout', async () => {
    const { workshop } = await open()
    await workshop.apply('slow', { settings: { timeout: '2s' }, does: 'sleep 60' })
    await untilTold(workshop, 'slow', /MigrationFailed .*was terminated at migrate.io\/timeout in pod/)
  })

  test('L4: its runner is deleted: interrupted, and run again', async () => {
    const { workshop, flags, options, kubectl } = await open()
    await workshop.apply('cut', options({ does: waitsFor('go'), graceSeconds: 1 }))
    const { pod } = await workshop.journal.untilRun(1)
    await kubectl('delete', 'pod', pod, '--wait=false')
    const told = await untilTold(workshop, 'cut', /MigrationInterrupted/)
    assert.match(told, new RegExp(`Warning +MigrationInterrupted .*result of run \\d+ is unknown \\(pod ${pod}\\)`))
    flags.raise('go')
    await workshop.rolledOut('cut')
  })

  test('L5: it waits for the lock of another Deployment: which one', async () => {
    const { workshop, flags, options } = await open()
    const settings = { lock: 'database' }
    await workshop.apply('holder', options({ settings, does: waitsFor('go') }))
    const { pod } = await workshop.journal.untilRun(1)
    await workshop.apply('waiter', { settings })
    const told = await untilTold(workshop, 'waiter', /MigrationWaiting/)
    assert.match(told, new RegExp(`Warning +MigrationWaiting .*pod ${pod} of Deployment holder has`))
    flags.raise('go')
    await workshop.rolledOut('waiter')
  })

  test('L9: its image is not there', async () => {
    const { workshop } = await open()
    const change = (manifest: Manifest) => {
      app(manifest).image = 'migrate.io/not-there:test'
    }
    await workshop.apply('imageless', { change })
    await untilTold(
      workshop,
      'imageless',
      /Warning +MigrationWaiting .*image migrate.io\/not-there:test .*can't be pulled/,
    )
  })

  test('L9: its image has no shell', async () => {
    const { workshop } = await open()
    const image = await migrateIoImage() // has none
    await cluster.loadImage(image.file)
    const change = (manifest: Manifest) => {
      app(manifest).image = image.name
    }
    await workshop.apply('shell-less', { change })
    await untilTold(workshop, 'shell-less', /Warning +ImageLacksShell .*has no \/bin\/sh/)
    const status = await untilStatus(sightOf(workshop), 'shell-less', { state: 'Waiting', reason: 'no-shell' })
    assert.match(status.why, new RegExp(`${image.name}.* has no /bin/sh`))
    assert.match(status.whatToDo.join(' '), /Build the app on an image with a POSIX shell/)
  })

  test('L13: its tag has moved: which image migrated, and which one a pod of that revision starts', async () => {
    const { workshop, kubectl } = await open()
    const [first, second] = await movedTag()
    await cluster.loadImage(first.file)
    const change = (manifest: Manifest) => {
      app(manifest).image = first.name
    }
    await workshop.rollOut('moved', { change })
    const digests = async () =>
      (await workshop.site.pods('moved')).map((pod) => /[0-9a-f]{64}/.exec(ours(pod)?.imageID ?? '')?.[0])
    const [before] = await digests()
    await cluster.loadImage(second.file)
    await kubectl('scale', 'deployment/moved', '--replicas=2')
    const told = await untilTold(workshop, 'moved', /ImageMoved/)
    const after = (await digests()).find((each) => each !== before)
    assert.match(told, new RegExp(`Warning +ImageMoved .*as sha256:${after}, but .* was migrated by sha256:${before}`))
    assert.equal(workshop.journal.starts().length, 1, 'nothing but the Event comes of it')
  })

  test('L9: a ConfigMap of the lock’s name is somebody else’s', async () => {
    const { workshop, kubectl } = await open()
    await kubectl('create', 'configmap', lockConfigMapName('taken'), '--from-literal=theirs=yes')
    await workshop.apply('taken')
    await untilTold(workshop, 'taken', /Warning +LockNotOurs .*rename or delete it/)
  })

  test('W8: a pod with its template that it did not make: that it gets no run', async () => {
    const { workshop, flags, options } = await open()
    const { place } = workshop.site
    await workshop.apply('copied', options({ replicas: 1, does: waitsFor('go') }))
    await workshop.journal.untilRun(1)
    const [pod] = await workshop.site.pods('copied')
    assert.ok(pod)
    const { spec } = (await place.deployment('copied')).spec.template
    // With all labels its ReplicaSet would take it for one of its own.
    const metadata = { name: 'a-copy', labels: { ...pod.metadata.labels, app: 'a-copy' } }
    await place.send('create', { apiVersion: 'v1', kind: 'Pod', metadata, spec })
    await untilTold(workshop, 'copied', /Warning +UnservedPod .*a-copy: .*no Deployment created it/)
    assert.equal(workshop.journal.starts().length, 1)
    flags.raise('go')
    await workshop.rolledOut('copied')
  })

  test('L9: the deadline of the rollout passes while it migrates', async () => {
    const { workshop, flags, options } = await open()
    const settings = options({ does: waitsFor('go') })
    await workshop.apply('late', {
      ...settings,
      change(manifest) {
        settings.change?.(manifest)
        Object.assign(manifest.spec, { progressDeadlineSeconds: 5 })
      },
    })
    await untilTold(workshop, 'late', /Warning +ProgressDeadlinePassed .*that does not stop the migration/)
    flags.raise('go')
    await untilTold(workshop, 'late', /MigrationSucceeded/)
  })
})

// Last: it takes the only node away.
test('L6: the node of its runner is lost: that the lock stays, why, and what to do', async () => {
  const { workshop, options } = await open()
  await workshop.rollOut('cut-off', { revision: 1 })
  await workshop.apply('cut-off', options({ revision: 2, does: waitsFor('never') }))
  await workshop.journal.untilRun(2)
  const [node] = cluster.nodes
  assert.ok(node)
  assert.ok((await workshop.site.pods('cut-off')).some(isReady))
  node.disconnect()
  const told = await untilTold(workshop, 'cut-off', /RunnerNodeLost/)
  assert.match(told, /Warning +RunnerNodeLost .*NotReady\).*the pod keeps the lock.*Bring the node back/)
  const status = await untilStatus(sightOf(workshop), 'cut-off', { state: 'Running', reason: 'node-lost' })
  assert.equal(status.runner?.node, node.name)
  assert.match(status.whatToDo.join(' '), /Bring the node back/)
})
