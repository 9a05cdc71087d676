import fc from 'fast-check'
import { isObject, type Json, type JsonObject } from '../../../../src/json.ts'
import { type Author, Choices } from './styled.ts'

/** A script as we write it into manifests. */
export const SCRIPT = '#!/bin/sh\nset -eu\n\nsay() {\n  printf "%s\\n" "$1" # not a comment\n}\nsay "waits: yes"'

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/)
const text = fc.oneof(
  name,
  fc.constantFrom(
    'yes',
    'on',
    '0123',
    '1_000',
    '22:22',
    '~',
    'null',
    '1e3',
    '',
    ' x',
    'a: b',
    '#no',
    "it's",
    '"q"',
    '*a',
    '&a',
    '<<',
  ),
  fc.constantFrom('two\nlines', 'two\nlines\n', 'a\n\nb', '  a\nb', SCRIPT),
  fc.string(),
)
const env = fc.record({ name, value: text }, { requiredKeys: ['name'] })
const container = fc.record(
  {
    name,
    image: fc.constantFrom('shop:1', 'registry/shop@sha256:0', 'web'),
    args: fc.array(text, { maxLength: 3 }),
    env: fc.uniqueArray(env, { maxLength: 3, selector: ({ name }) => name }),
    resources: fc.record({ limits: fc.record({ cpu: fc.constantFrom('500m', 1, '2') }) }),
  },
  { requiredKeys: ['name', 'image'] },
)
const containers = fc.uniqueArray(container, { minLength: 1, maxLength: 3, selector: ({ name }) => name })
const labels = fc.dictionary(name, text, { maxKeys: 3 })

const podSpec = fc.record(
  {
    initContainers: fc.oneof(containers, fc.constant([])),
    containers,
    volumes: fc.uniqueArray(fc.record({ name, emptyDir: fc.constant({}) }), {
      maxLength: 2,
      selector: ({ name }) => name,
    }),
    securityContext: fc.record({ runAsUser: fc.nat(), runAsNonRoot: fc.boolean() }),
  },
  { requiredKeys: ['containers'] },
)

/** Values like a Deployment, small enough to read when a test fails. */
export const deployments: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      apiVersion: fc.constant('apps/v1'),
      kind: fc.constant('Deployment'),
      metadata: fc.record({ name, labels, annotations: labels }, { requiredKeys: ['name'] }),
      spec: fc.record(
        {
          replicas: fc.nat(9),
          strategy: fc.constant({ type: 'Recreate' }),
          template: fc.record({ metadata: fc.record({ labels }), spec: podSpec }),
        },
        { requiredKeys: ['template'] },
      ),
    },
    { requiredKeys: ['apiVersion', 'kind', 'metadata', 'spec'] },
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject)

/** Whoever wrote the manifest. */
export function authors(flow: boolean): fc.Arbitrary<Author> {
  return fc
    .record({
      numbers: fc.array(fc.nat(99), { maxLength: 60 }),
      step: fc.constantFrom(2, 4, 3),
      dashes: fc.constantFrom(0, 2),
    })
    .map(({ numbers, step, dashes }) => ({ choices: new Choices(numbers), step, dashes, flow }))
}

/** What injection does to a Deployment, in its shape: it only adds. */
export function injected(deployment: JsonObject): JsonObject {
  const metadata = object(deployment['metadata'])
  const spec = object(deployment['spec'])
  const template = object(spec['template'])
  const pod = object(template['spec'])
  const templateMetadata = object(template['metadata'])
  const init = {
    name: 'migrate-io',
    image: 'shop:1',
    command: ['/bin/sh', '-c', SCRIPT, 'migrate-io', 'flask db upgrade'],
  }
  const volumes = [
    { name: 'migrate-io', projected: { sources: [{ configMap: { optional: true } }] } },
    { name: 'migrate-io-state', emptyDir: {} },
  ]
  return {
    ...deployment,
    metadata: {
      ...metadata,
      annotations: { ...object(metadata['annotations']), 'migrate.io/injected': '{"version":"1"}' },
    },
    spec: {
      ...spec,
      strategy: {
        ...object(spec['strategy']),
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: 1, maxUnavailable: 1 },
      },
      template: {
        ...template,
        metadata: {
          ...templateMetadata,
          labels: { ...object(templateMetadata['labels']), 'migrate.io/protocol': '1' },
        },
        spec: {
          ...pod,
          initContainers: [...list(pod['initContainers']), init],
          volumes: [...list(pod['volumes']), ...volumes],
        },
      },
    },
  }
}

/** Any change anywhere: keys and items taken out, put in, or replaced. */
export function changed(value: Json, choices: Choices): Json {
  const again = (item: Json) => (choices.oneIn(3) ? changed(item, choices) : item)
  if (Array.isArray(value)) {
    const items = value.flatMap((item) =>
      choices.oneIn(5) ? [] : choices.oneIn(5) ? [fresh(choices), item] : [again(item)],
    )
    return choices.oneIn(4) ? [...items, fresh(choices)] : choices.oneIn(9) ? items.toReversed() : items
  }
  if (isObject(value)) {
    const rows = Object.entries(value).flatMap(([key, item]) => (choices.oneIn(6) ? [] : [[key, again(item)] as const]))
    return Object.fromEntries(choices.oneIn(4) ? [...rows, ['added', fresh(choices)]] : rows)
  }
  return fresh(choices)
}

const FRESH: readonly Json[] = [
  'new',
  7,
  null,
  true,
  [],
  {},
  SCRIPT,
  { name: 'n', a: [1, { b: 'on' }] },
  ['x', ['y']],
  'no',
  'a\n\n',
  '\u2028',
]

function fresh(choices: Choices): Json {
  return FRESH[choices.below(FRESH.length)] ?? null
}

function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
