import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldLocks } from '../../../src/controller/recover-lock.ts'
import type { ConfigMap } from '../../../src/kube/objects.ts'
import { configMapOf, holderOf, podOf } from '../../support/controller/objects.ts'

/** What a controller finds held where these are all our ConfigMaps. */
async function found(...configMaps: ConfigMap[]): Promise<readonly string[]> {
  const selectors: (string | undefined)[] = []
  const held = await heldLocks({
    ...NOTHING,
    list: async (_, { labelSelector }, project) => {
      selectors.push(labelSelector)
      return configMaps.map((each) => project(each as never)).filter((kept) => kept !== undefined)
    },
  })
  assert.deepEqual(selectors, ['migrate.io/record=deployment'])
  return held.map(({ namespace, deployment }) => `${namespace}/${deployment}`)
}

const unexpected = () => Promise.reject(new Error('nothing else is asked'))
const NOTHING = {
  read: unexpected,
  list: unexpected,
  create: unexpected,
  replace: unexpected,
  annotatePod: unexpected,
}

const holder = holderOf(podOf(), 4)
const named = (configMap: ConfigMap, changes: Partial<ConfigMap['metadata']>): ConfigMap => ({
  ...configMap,
  metadata: { ...configMap.metadata, ...changes },
})

test('L4: a controller that begins looks at each lock that is held, or that somebody edited, and at no other', async () => {
  const held = configMapOf({ holder })
  const free = named(configMapOf(), { name: 'deployment.free.migrate-io' })
  const edited = { ...configMapOf({}, { data: {} }) }
  assert.deepEqual(await found(held), ['shop/web'])
  assert.deepEqual(await found(free), [])
  assert.deepEqual(await found(edited), ['shop/web'])
})

test('L4: whose lock it is, the owner tells, else the name; one that neither tells is nobody’s', async () => {
  const held = configMapOf({ holder })
  assert.deepEqual(await found(named(held, { ownerReferences: [] })), ['shop/web'])
  const foreign = { apiVersion: 'v1', kind: 'Deployment', name: 'other', uid: 'uid of other' }
  assert.deepEqual(await found(named(held, { ownerReferences: [foreign] })), ['shop/web'], 'an owner of another name')
  assert.deepEqual(await found(named(held, { name: 'web', ownerReferences: [] })), [])
})
