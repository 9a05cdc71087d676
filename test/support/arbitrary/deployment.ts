import fc from 'fast-check'
import type { Json, JsonObject } from '../../../src/json.ts'

/**
 * Random Deployments as users write them, all of them valid for an injection: what they hold besides is anything that
 * Kubernetes knows, or that it may know one day.
 */

type Arb = fc.Arbitrary<JsonObject>

const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,6}[a-z0-9])?$/)
const text = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 4 }))
const labelMap = fc.dictionary(fc.constantFrom('app', 'tier', 'example.org/x', 'a~b', 'a/b~1', ''), text, {
  maxKeys: 3,
})
const nothing = fc.constantFrom<Json>(null, [], {})

/** Fields that no Kubernetes has, plain and deep. */
const unknown = fc.dictionary(
  fc.constantFrom('xFuture', 'xOther', 'x/y~z'),
  fc.oneof(fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>, nothing),
  { maxKeys: 1 },
)

/** A mapping of which any field may be absent, with unknown fields now and then. */
function some(fields: Readonly<Record<string, fc.Arbitrary<Json>>>, required: readonly string[] = []): Arb {
  const known = fc.record(fields, { requiredKeys: required as never[] })
  return fc.tuple(known, fc.option(unknown, { freq: 3, nil: {} })).map(([a, b]) => ({ ...a, ...b }) as JsonObject)
}

const quantity = fc.constantFrom('100m', '1', '64Mi')
const resources = some({
  requests: fc.dictionary(fc.constantFrom('cpu', 'memory'), quantity, { maxKeys: 2 }),
  limits: fc.dictionary(fc.constantFrom('cpu', 'memory', 'example.org/gpu'), quantity, { maxKeys: 2 }),
})
const securityContext = some({
  runAsNonRoot: fc.boolean(),
  runAsUser: fc.nat(),
  readOnlyRootFilesystem: fc.boolean(),
  capabilities: fc.constant({ drop: ['ALL'] }),
})
const probe = some({
  httpGet: fc.constant({ path: '/', port: 80 }),
  periodSeconds: fc.integer({ min: 1, max: 60 }),
})
const variable: Arb = fc.oneof(
  some({ name, value: text }, ['name']),
  some({ name, valueFrom: fc.constant({ secretKeyRef: { name: 's', key: 'k' } }) }, ['name', 'valueFrom']),
  some({ name, valueFrom: fc.constant({ fieldRef: { fieldPath: 'status.podIP' } }) }, ['name', 'valueFrom']),
)
const VOLUME_NAMES = ['data', 'tmp', 'config', 'migrate-iox']
const mount = some(
  {
    name: fc.constantFrom(...VOLUME_NAMES),
    mountPath: fc.constantFrom('/data', '/tmp', '/etc/app', '/run/migrate.iox', '/running', '/var/lib'),
    readOnly: fc.boolean(),
    subPath: name,
  },
  ['name', 'mountPath'],
)
const volume = (volumeName: string): Arb =>
  fc.oneof(
    fc.constant({ name: volumeName, emptyDir: {} }),
    fc.constant({ name: volumeName, configMap: { name: 'c' } }),
    fc.constant({ name: volumeName, persistentVolumeClaim: { claimName: 'p' } }),
    some({ name: fc.constant(volumeName) }, ['name']),
  )

const lists = <T extends Json>(item: fc.Arbitrary<T>, maxLength: number, selector: (value: T) => Json) =>
  fc.oneof({ arbitrary: fc.uniqueArray(item, { maxLength, selector }) as fc.Arbitrary<Json>, weight: 6 }, nothingList)
const nothingList = fc.oneof({ arbitrary: fc.constant(null), weight: 1 }, { arbitrary: fc.constant([]), weight: 1 })

const containerFields = {
  image: fc.constantFrom<Json>('app', 'app:1', 'registry.example/app@sha256:00', null),
  imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent', 'Never'),
  command: fc.array(text, { maxLength: 2 }),
  args: fc.array(text, { maxLength: 2 }),
  workingDir: fc.constant('/srv'),
  ports: lists(some({ containerPort: fc.integer({ min: 1, max: 65535 }), name }, ['containerPort']), 2, (port) =>
    String(port['containerPort']),
  ),
  env: lists(variable, 3, (v) => v['name'] ?? null),
  envFrom: fc.array(fc.constant({ configMapRef: { name: 'c' } }), { maxLength: 1 }),
  volumeMounts: lists(mount, 3, (m) => m['mountPath'] ?? null),
  resources,
  securityContext: fc.oneof({ arbitrary: securityContext, weight: 4 }, fc.constant(null)),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: fc.constant({ preStop: { exec: { command: ['true'] } } }),
  terminationMessagePath: fc.constant('/tmp/why'),
  tty: fc.boolean(),
} as const

/** A container under a name. */
const container = (containerName: string): Arb =>
  some({ name: fc.constant(containerName), ...containerFields }, ['name'])
const initContainer = (containerName: string): Arb =>
  some({ name: fc.constant(containerName), ...containerFields, restartPolicy: fc.constant('Always') }, ['name'])

const each = (names: readonly string[], make: (name: string) => Arb): fc.Arbitrary<Json> => fc.tuple(...names.map(make))
const namedLists = (prefix: string, make: (name: string) => Arb, range: { min: number; max: number }) =>
  fc.integer(range).chain((length) =>
    each(
      Array.from({ length }, (_, i) => `${prefix}${i}`),
      make,
    ),
  )

const strategy = fc.oneof(
  fc.constant(null),
  fc.constant({}),
  fc.constant({ type: 'Recreate' }),
  fc.record({
    type: fc.constant('RollingUpdate'),
    rollingUpdate: fc.record({ maxSurge: fc.constantFrom(1, 3, '25%'), maxUnavailable: fc.constantFrom(0, 1, '25%') }),
  }),
  some({ rollingUpdate: fc.constant({ maxSurge: 2 }) }),
)

/** Annotations of ours, all valid and for whatever containers there are; `migrate.io/command` is among them. */
export const settings: fc.Arbitrary<Readonly<Record<string, string>>> = fc.record(
  {
    'migrate.io/command': fc.oneof(
      fc.constantFrom('flask db upgrade', '["rails","db:migrate"]', 'echo $(X) $$ $HOME'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((s) => `run ${s.replaceAll('\0', '')}`),
    ),
    'migrate.io/container': fc.constant('app0'),
    'migrate.io/strategy': fc.constantFrom('rolling', 'keep'),
    'migrate.io/lock': fc.constant('db'),
    'migrate.io/timeout': fc.constantFrom('90s', '30m', '2h'),
    'migrate.io/retries': fc.constantFrom('0', '3'),
  },
  { requiredKeys: ['migrate.io/command'] },
) as fc.Arbitrary<Readonly<Record<string, string>>>

const podSpec = some(
  {
    containers: namedLists('app', container, { min: 1, max: 4 }),
    initContainers: fc.oneof(
      { arbitrary: namedLists('init', initContainer, { min: 1, max: 3 }), weight: 4 },
      nothingList,
    ),
    volumes: fc.oneof({ arbitrary: each(VOLUME_NAMES, volume), weight: 4 }, nothingList),
    nodeSelector: labelMap,
    tolerations: fc.constant([{ operator: 'Exists' }]),
    securityContext: some({ runAsUser: fc.nat() }),
    hostAliases: nothing,
  },
  ['containers'],
)
const safeToEvict = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'
const templateMetadata = some({
  labels: fc.oneof(labelMap, fc.constant(null)),
  annotations: fc.oneof(
    labelMap,
    fc.constant(null),
    fc.constant({ 'kubectl.kubernetes.io/default-container': 'app0' }),
    fc.constant({ [safeToEvict]: 'tmp,data' }),
  ),
})
const template = some({ metadata: fc.oneof(templateMetadata, fc.constant(null)), spec: podSpec }, ['spec'])
const spec = some(
  {
    replicas: fc.constantFrom<Json>(0, 1, 2, 5, null),
    strategy,
    progressDeadlineSeconds: fc.constantFrom<Json>(60, 600, 100_000, null),
    selector: fc.constant({ matchLabels: { app: 'x' } }),
    paused: fc.boolean(),
    template,
  },
  ['template'],
)

/** A Deployment with `migrate.io/command`. */
export const annotatedDeployment: Arb = fc
  .tuple(
    some({ metadata: some({ name, generateName: name, labels: labelMap, uid: name }), spec }, ['metadata', 'spec']),
    labelMap,
    settings,
  )
  .map(([deployment, others, ours]) => {
    const metadata = { ...(deployment['metadata'] as JsonObject), annotations: { ...others, ...ours } }
    const whole = { apiVersion: 'apps/v1', kind: 'Deployment', ...deployment, metadata }
    // Through text, so that no two places are one and the same object, as with everything that was parsed.
    return JSON.parse(JSON.stringify(whole)) as JsonObject
  })
