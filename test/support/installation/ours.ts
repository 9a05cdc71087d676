import assert from 'node:assert/strict'
import type { Container, Deployment, PodSpec, Template } from './deployment.ts'

/** Written out here and not imported, so that a changed name shows up. */
const CONTAINER = 'migrate-io'
const VOLUMES = ['migrate-io', 'migrate-io-state']
const LABEL = 'migrate.io/protocol'
const INJECTED = 'migrate.io/injected'
const LOCAL_VOLUMES = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'

/** What the init container takes over from the app's. */
const COPIED = ['image', 'imagePullPolicy', 'env', 'envFrom', 'workingDir', 'resources', 'securityContext'] as const

/** The init container. Fails unless the template holds exactly one copy of all that is ours, last. */
export function oursIn({ metadata, spec }: { metadata?: Template['metadata']; spec: PodSpec }): Container {
  const initContainers = spec.initContainers ?? []
  const [ours, ...more] = initContainers.filter(({ name }) => name === CONTAINER)
  assert.ok(ours, 'the init container is there')
  assert.deepEqual(more, [], 'it is there once')
  assert.equal(initContainers.at(-1), ours, 'it is the last one')
  const volumes = (spec.volumes ?? []).map(({ name }) => name)
  assert.deepEqual(
    volumes.filter((name) => VOLUMES.includes(name)),
    VOLUMES,
  )
  const mounted = (ours.volumeMounts ?? []).map(({ name }) => name)
  for (const name of VOLUMES)
    assert.equal(mounted.filter((mount) => mount === name).length, 1, `${name} is mounted once`)
  if (metadata) assert.equal(metadata.labels?.[LABEL], '1')
  return ours
}

/** The init container of a Deployment, which must be a copy of the app's container in all that it takes over. */
export function assertInjected({ metadata, spec }: Deployment, appName?: string): Container {
  const ours = oursIn(spec.template)
  const { containers } = spec.template.spec
  const target = appName === undefined ? containers[0] : containers.find(({ name }) => name === appName)
  assert.ok(target)
  for (const field of COPIED) assert.deepEqual(ours[field], target[field], `${field} is the app's`)
  assert.ok(metadata.annotations?.[INJECTED], 'the record is there')
  return ours
}

/** Nothing of ours is left anywhere. */
export function assertBare({ metadata, spec }: Pick<Deployment, 'metadata' | 'spec'>): void {
  const text = JSON.stringify(spec.template)
  for (const name of [CONTAINER, LABEL, LOCAL_VOLUMES, '/run/migrate.io']) assert.ok(!text.includes(name), `no ${name}`)
  assert.equal(metadata.annotations?.[INJECTED], undefined)
}

/** Without what the ReplicaSet controller adds. */
export function templateOf({ spec }: { spec: { template: Template } }): Template {
  const { metadata, spec: podSpec } = spec.template
  const { 'pod-template-hash': _, ...labels } = metadata.labels ?? {}
  return { metadata: { ...metadata, labels }, spec: podSpec }
}
