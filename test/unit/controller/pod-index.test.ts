import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PodIndex } from '../../../src/controller/pod-index.ts'
import type { Pod } from '../../../src/kube/objects.ts'
import { KEY, podOf } from '../../support/controller/objects.ts'

const MANY = 10_000

/** Of a Deployment whose name is so long that neither ReplicaSet nor record have it in full. */
function longPod(nth: number, replicaSet = 'rs long'): Pod {
  const pod = podOf({ name: `long-${nth}` })
  const name = 'x'.repeat(253)
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: replicaSet, controller: true }
  return { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] }, spec: {} }
}

describe('The watched pods by lock', () => {
  test('a pod is found under its Deployment until it goes', () => {
    const pods = new PodIndex()
    assert.equal(pods.put(podOf()), 'shop/web')
    assert.deepEqual([pods.keys(), pods.pods(KEY).length], [['shop/web'], 1])
    const changed = podOf({ grant: 'run 5' })
    pods.put(changed)
    assert.deepEqual(pods.pods(KEY), [changed], 'as it was seen last')
    assert.equal(pods.remove(podOf()), 'shop/web')
    assert.deepEqual([pods.keys(), pods.pods(KEY)], [[], []])
  })

  test('a pod whose owner was taken off stays under its old key no longer', () => {
    const pods = new PodIndex()
    const pod = { ...podOf(), spec: {} }
    assert.equal(pods.put(pod), 'shop/web')
    const orphan = { ...pod, metadata: { ...pod.metadata, ownerReferences: [] } }
    assert.equal(pods.put(orphan), undefined)
    assert.deepEqual(pods.keys(), [])
  })

  test('one that is gone is taken out by what was known of it', () => {
    const pods = new PodIndex()
    const pod = { ...podOf(), spec: {} }
    pods.put(pod)
    assert.equal(pods.remove({ ...pod, metadata: { ...pod.metadata, ownerReferences: [] } }), 'shop/web')
    assert.deepEqual(pods.keys(), [])
  })

  test('of a Deployment with a long name, its ReplicaSet tells whose it is as long as it has pods', () => {
    const pods = new PodIndex()
    assert.equal(pods.put(longPod(1)), undefined)
    pods.know('rs long', 'long')
    assert.equal(pods.put(longPod(1)), 'shop/long')
    assert.equal(pods.put(longPod(2)), 'shop/long')
    pods.remove(longPod(1))
    assert.equal(pods.keyOf(longPod(3)), 'shop/long')
    assert.equal(pods.remove(longPod(2)), 'shop/long')
    assert.equal(pods.keyOf(longPod(3)), undefined, 'nothing is kept of it')
  })

  test(`P2: ${MANY} pods that come and go, each of a revision of its own, leave nothing behind`, () => {
    const pods = new PodIndex()
    for (let nth = 0; nth < MANY; nth++) {
      const [short, long] = [podOf({ name: `web-${nth}`, revision: `r${nth}` }), longPod(nth, `rs ${nth}`)]
      pods.know(`rs ${nth}`, 'long')
      pods.put(short)
      pods.put(long)
      pods.remove(short)
      pods.remove(long)
    }
    assert.deepEqual(pods.keys(), [])
    assert.equal(pods.keyOf(longPod(0, 'rs 0')), undefined)
  })
})
