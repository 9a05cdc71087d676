import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { annotatedDeployment } from '../../support/arbitrary/deployment.ts'
import { at, list, POD } from '../../support/injection/objects.ts'

const SAMPLE = 500
const MIN_OCCURRENCES = 10

const inits = (deployment: JsonObject) => list(deployment, ...POD, 'initContainers')
const apps = (deployment: JsonObject) => list(deployment, ...POD, 'containers')
const inApps = (field: string, isIt: (value: Json) => boolean) => (deployment: JsonObject) =>
  apps(deployment).some((container) => container[field] !== undefined && isIt(container[field]))
const isFull = (value: Json | undefined) =>
  (Array.isArray(value) && value.length > 0) || (isObject(value) && Object.keys(value).length > 0)
const isEmpty = (value: Json | undefined) =>
  (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0)
const hasUnknown = (value: Json | undefined) => isObject(value) && Object.keys(value).some((key) => key.startsWith('x'))
const is =
  (test: (value: Json | undefined) => boolean, ...path: string[]) =>
  (d: JsonObject) =>
    test(at(d, ...path))
const annotation = (key: string) => is((value) => value !== undefined, 'metadata', 'annotations', `migrate.io/${key}`)
const strategy = ['spec', 'strategy']

/** What the sample must hold, and how to see it. */
const FEATURES: Readonly<Record<string, (deployment: JsonObject) => boolean>> = {
  'no init containers': (d) => at(d, ...POD, 'initContainers') === undefined,
  'init containers null': is((v) => v === null, ...POD, 'initContainers'),
  'init containers empty': is(isEmpty, ...POD, 'initContainers'),
  'init containers': is(isFull, ...POD, 'initContainers'),
  'a native sidecar': (d) => inits(d).some(({ restartPolicy }) => restartPolicy === 'Always'),
  '1 container': (d) => apps(d).length === 1,
  '2 containers': (d) => apps(d).length === 2,
  '3 containers': (d) => apps(d).length === 3,
  '4 containers': (d) => apps(d).length === 4,
  ports: inApps('ports', isFull),
  'a liveness probe': inApps('livenessProbe', isFull),
  'a readiness probe': inApps('readinessProbe', isFull),
  'a startup probe': inApps('startupProbe', isFull),
  'a security context': inApps('securityContext', isFull),
  'a security context null': inApps('securityContext', (v) => v === null),
  'a security context of the pod': is(isFull, ...POD, 'securityContext'),
  env: inApps('env', isFull),
  'env null': inApps('env', (v) => v === null),
  'env empty': inApps('env', isEmpty),
  envFrom: inApps('envFrom', isFull),
  'env from a secret': (d) => JSON.stringify(apps(d)).includes('secretKeyRef'),
  resources: inApps('resources', isFull),
  mounts: inApps('volumeMounts', isFull),
  'mounts null': inApps('volumeMounts', (v) => v === null),
  'mounts by subPath': (d) => JSON.stringify(apps(d)).includes('subPath'),
  'command and args': (d) => inApps('command', isFull)(d) && inApps('args', isFull)(d),
  volumes: is(isFull, ...POD, 'volumes'),
  'volumes null': is((v) => v === null, ...POD, 'volumes'),
  'volumes empty': is(isEmpty, ...POD, 'volumes'),
  'unknown at the top': is(hasUnknown),
  'unknown in the metadata': is(hasUnknown, 'metadata'),
  'unknown in the spec': is(hasUnknown, 'spec'),
  'unknown in the template': is(hasUnknown, 'spec', 'template'),
  "unknown in the template's metadata": is(hasUnknown, 'spec', 'template', 'metadata'),
  'unknown in the pod': is(hasUnknown, ...POD),
  'unknown in a container': (d) => apps(d).some(hasUnknown),
  'unknown in an init container': (d) => inits(d).some(hasUnknown),
  'unknown in a volume': (d) => list(d, ...POD, 'volumes').some(hasUnknown),
  'unknown in a mount': (d) => apps(d).some((app) => list(app, 'volumeMounts').some(hasUnknown)),
  'unknown in env': (d) => apps(d).some((app) => list(app, 'env').some(hasUnknown)),
  'annotations of others': (d) =>
    Object.keys(at(d, 'metadata', 'annotations') as JsonObject).some((key) => !key.startsWith('migrate.io/')),
  'labels of the template': is(isFull, 'spec', 'template', 'metadata', 'labels'),
  'labels of the template null': is((v) => v === null, 'spec', 'template', 'metadata', 'labels'),
  'annotations of the template empty': is(isEmpty, 'spec', 'template', 'metadata', 'annotations'),
  'no metadata of the template': is((v) => v === undefined, 'spec', 'template', 'metadata'),
  'metadata of the template null': is((v) => v === null, 'spec', 'template', 'metadata'),
  'safe-to-evict volumes': (d) => JSON.stringify(d).includes('safe-to-evict'),
  'default-container': (d) => JSON.stringify(d).includes('default-container'),
  'no name': is((v) => v === undefined, 'metadata', 'name'),
  'no strategy': is((v) => v === undefined, ...strategy),
  'strategy null': is((v) => v === null, ...strategy),
  'strategy empty': is(isEmpty, ...strategy),
  Recreate: is((v) => v === 'Recreate', ...strategy, 'type'),
  'own numbers': is((v) => v === 3, ...strategy, 'rollingUpdate', 'maxSurge'),
  'default numbers': is((v) => v === '25%', ...strategy, 'rollingUpdate', 'maxSurge'),
  'replicas absent': is((v) => v === undefined, 'spec', 'replicas'),
  'replicas null': is((v) => v === null, 'spec', 'replicas'),
  'replicas 0': is((v) => v === 0, 'spec', 'replicas'),
  'replicas 1': is((v) => v === 1, 'spec', 'replicas'),
  'replicas 2': is((v) => v === 2, 'spec', 'replicas'),
  'a deadline': is((v) => typeof v === 'number', 'spec', 'progressDeadlineSeconds'),
  'a JSON command': is((v) => String(v).startsWith('['), 'metadata', 'annotations', 'migrate.io/command'),
  'a container named': annotation('container'),
  'a strategy named': annotation('strategy'),
  'a timeout': annotation('timeout'),
}

test(`A2: each feature really occurs among ${SAMPLE} random Deployments`, () => {
  const sample = fc.sample(annotatedDeployment, { numRuns: SAMPLE, seed: 3 })
  const counts = Object.entries(FEATURES).map(([feature, has]) => [feature, sample.filter(has).length] as const)
  assert.deepEqual(
    counts.filter(([, count]) => count < MIN_OCCURRENCES),
    [],
    'too rare',
  )
})
