import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf, platformOf, reportMovedImages, SeenImages } from '../../../src/controller/moved-images.ts'
import { EventPublisher } from '../../../src/controller/reporter.ts'
import type { Announcement } from '../../../src/kube/event-recorder.ts'
import type { Node } from '../../../src/kube/objects.ts'
import type { ControllerEvent } from '../../../src/lock/event.ts'
import { completedOf, withCompleted } from '../../../src/lock/record.ts'
import { KEY, NOW, podOf } from '../../support/controller/objects.ts'
import { Shop } from '../../support/controller/shop.ts'

const [A, B] = ['a', 'b'].map((digit) => digit.repeat(64))
const AMD64 = 'amd64 containerd'

function entriesOf(imageID: string | undefined, platform: string | undefined) {
  return withCompleted({}, 'a', {
    ...{ pod: 'web-a-0', image: 'app:1', started: '2026-01-01T11:00:00Z', seconds: 3, number: 4 },
    ...(imageID === undefined ? {} : { imageID }),
    ...(platform === undefined ? {} : { platform }),
  })
}

/** What is reported of a pod with this image on such a node, where the run had that one. */
async function reported(
  run: { imageID?: string; platform?: string },
  pod: { imageID: string; platform?: string | undefined; revision?: string },
): Promise<ControllerEvent[]> {
  const events: ControllerEvent[] = []
  const images = new SeenImages()
  images.note('shop/web', podOf({ imageID: pod.imageID, node: 'n', revision: pod.revision ?? 'a' }))
  await reportMovedImages(
    { entries: entriesOf(run.imageID, run.platform) },
    images.take('shop/web'),
    { platform: async () => pod.platform, report: (event) => events.push(event) },
    KEY,
  )
  return events
}

describe('A pod of a recorded revision with another image', () => {
  const run = { imageID: `repo/app@sha256:${A}`, platform: AMD64 }

  test('L13: is told where both are digests of the same kind, architecture and runtime', async () => {
    const [event, ...more] = await reported(run, { imageID: `mirror/app@sha256:${B}`, platform: AMD64 })
    assert.deepEqual(more, [])
    assert.deepEqual(event, {
      kind: 'image-moved',
      ...{ pod: 'web-a-1', revision: 'a', image: 'app:1', migrated: `sha256:${A}`, starts: `sha256:${B}` },
    })
    const own = { imageID: `sha256:${A}`, platform: AMD64 }
    assert.equal((await reported(own, { imageID: B ?? '', platform: AMD64 })).length, 1)
  })

  for (const [what, theirs, pod] of [
    ['the same digest, from a mirror', run, { imageID: `mirror/app@sha256:${A}`, platform: AMD64 }],
    ['another architecture', run, { imageID: `repo/app@sha256:${B}`, platform: 'arm64 containerd' }],
    ['another container runtime', run, { imageID: `repo/app@sha256:${B}`, platform: 'amd64 cri-o' }],
    ['a node that is not known', run, { imageID: `repo/app@sha256:${B}`, platform: undefined }],
    ['an image known by its own digest only', run, { imageID: `sha256:${B}`, platform: AMD64 }],
    ['an image that is no digest', run, { imageID: 'app:1', platform: AMD64 }],
    ['a record without a digest', { platform: AMD64 }, { imageID: `repo/app@sha256:${B}`, platform: AMD64 }],
    ['a record of an earlier version', {}, { imageID: `repo/app@sha256:${B}`, platform: AMD64 }],
    ['a revision without a record', run, { imageID: `repo/app@sha256:${B}`, platform: AMD64, revision: 'b' }],
  ] as const)
    test(`L13: nothing is said of ${what}`, async () => assert.deepEqual(await reported(theirs, pod), []))

  test('L13: is told once for a revision and digest', () => {
    const told: Announcement[] = []
    const recorder = {
      record: (_namespace: unknown, _find: unknown, announcement: Announcement) => told.push(announcement),
    }
    const { api } = new Shop().context()
    const publisher = new EventPublisher(api, recorder as never, () => NOW)
    const event = { kind: 'image-moved', revision: 'a', image: 'app:1', migrated: `sha256:${A}` } as const
    for (const pod of ['web-a-1', 'web-a-2'])
      for (const starts of [`sha256:${B}`, `sha256:${'c'.repeat(64)}`]) publisher.event({ ...event, pod, starts }, KEY)
    assert.deepEqual(
      told.map(({ reason, type }) => [reason, type]),
      [
        ['ImageMoved', 'Warning'],
        ['ImageMoved', 'Warning'],
      ],
    )
    assert.match(told[0]?.note ?? '', new RegExp(`web-a-1 starts app:1 as sha256:${B}.* migrated by sha256:${A}`))
  })
})

describe('An image as a node tells it', () => {
  for (const [imageID, of] of [
    [`docker.io/library/app@sha256:${A}`, 'manifest'],
    [`registry:5000/team/app@sha256:${A}`, 'manifest'],
    [`docker-pullable://repo/app@sha256:${A}`, 'manifest'],
    [`docker://sha256:${A}`, 'image'],
    [`sha256:${A}`, 'image'],
    [`${A}`, 'image'],
  ] as const)
    test(`L13: ${imageID.slice(0, 30)}…`, () => assert.deepEqual(digestOf(imageID), { of, text: `sha256:${A}` }))

  for (const imageID of [undefined, '', 'app:1', `sha256:${A?.slice(1)}`, `sha512:${A}${A}`, `repo@sha256:${A}0`])
    test(`L13: no digest: ${imageID?.slice(0, 30)}`, () => assert.equal(digestOf(imageID), undefined))

  test('L13: the platform of its node', () => {
    const nodeOf = (nodeInfo: NonNullable<Node['status']>['nodeInfo']) =>
      ({ metadata: podOf().metadata, status: { ...(nodeInfo && { nodeInfo }) } }) satisfies Node
    const info = { architecture: 'arm64', containerRuntimeVersion: 'cri-o://1.37.0' }
    assert.equal(platformOf(nodeOf(info)), 'arm64 cri-o')
    for (const missing of [undefined, nodeOf(undefined), nodeOf({ architecture: 'arm64' })])
      assert.equal(platformOf(missing), undefined)
  })

  test('L13: it is recorded, and read again', () => {
    const completed = completedOf(entriesOf(`repo@sha256:${A}`, AMD64), 'a')
    assert.deepEqual([completed?.imageID, completed?.platform], [`repo@sha256:${A}`, AMD64])
  })
})
