import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { fingerprint, PRESENT_WRAPPER, SCRIPT, type Wrapper, wrapperOf } from '../../../src/injection/wrapper.ts'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { ApiServer, type OtherWebhook, type Revision, withDefaults } from '../../support/injection/api-server.ts'
import { ANNOTATIONS, at, copies, list, migration, POD, put } from '../../support/injection/objects.ts'

/**
 * Random histories of one Deployment. Beside the stored object goes the intent: the manifest that the user has in mind,
 * in which nothing of ours ever stands. After each request the stored object is what the intent and the namespace ask for.
 */

const COMMAND = 'migrate.io/command'
const RECREATE = { type: 'Recreate' }
const rolling = (maxSurge: Json, maxUnavailable: Json) => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge, maxUnavailable },
})
const DEFAULT = rolling('25%', '25%')

const MANIFEST: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'app', annotations: {} },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'app' } },
    template: {
      metadata: { labels: { app: 'app' } },
      spec: {
        initContainers: [{ name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' }],
        containers: [
          {
            name: 'web',
            image: 'web:0',
            env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
            volumeMounts: [{ name: 'settings', mountPath: '/etc/app' }],
          },
          {
            name: 'worker',
            image: 'worker:1',
            resources: { limits: { memory: '64Mi' } },
          },
        ],
        volumes: [{ name: 'settings', configMap: { name: 'settings' } }, { name: 'data' }],
      },
    },
  },
}

/** A change that a user makes, to a manifest or to the stored object alike. */
interface Edit {
  readonly text: string
  readonly change: (object: JsonObject) => JsonObject
}

type Action =
  | { readonly kind: 'edit' | 'apply' | 'replace'; readonly edit: Edit }
  | { readonly kind: 'undo'; readonly back: number }
  | { readonly kind: 'export' | 'label' | 'upgrade' }
  | { readonly kind: 'import'; readonly back: number; readonly edit: Edit }

const CONTAINERS = [...POD, 'containers'] as const
const edit = (text: string, change: Edit['change']): Edit => ({ text, change })
const setAnnotation = (key: string, value: string | undefined) =>
  edit(`${key}: ${value}`, (object) => put(object, [...ANNOTATIONS, key], value))
const setList = (i: number, field: string, without: (item: JsonObject) => boolean, added: readonly JsonObject[]) =>
  edit(`${field} of ${i}: ${JSON.stringify(added)}`, (object) =>
    put(
      object,
      [...CONTAINERS, i, field],
      [...list(object, ...CONTAINERS, i, field).filter((item) => !without(item)), ...added],
    ),
  )

const index = fc.constantFrom(0, 1)
/** Of an app's container, which may be made in what was exported too. */
const containerEdits: fc.Arbitrary<Edit> = fc.oneof(
  fc.constant(edit('nothing', (object) => object)),
  fc
    .tuple(index, fc.constantFrom('app:1', 'app:2'))
    .map(([i, image]) => edit(`image ${i} ${image}`, (object) => put(object, [...CONTAINERS, i, 'image'], image))),
  fc
    .tuple(index, fc.constantFrom('A', 'B'), fc.constantFrom('1', '2', undefined))
    .map(([i, name, value]) =>
      setList(i, 'env', (item) => item['name'] === name, value === undefined ? [] : [{ name, value }]),
    ),
  fc
    .tuple(index, fc.boolean())
    .map(([i, isThere]) =>
      setList(i, 'volumeMounts', (m) => m['name'] === 'data', isThere ? [{ name: 'data', mountPath: '/data' }] : []),
    ),
  fc
    .tuple(index, fc.constantFrom({ limits: { cpu: '1' } }, {}))
    .map(([i, resources]) =>
      edit(`resources ${i}`, (object) => put(object, [...CONTAINERS, i, 'resources'], resources)),
    ),
  fc
    .tuple(index, fc.constantFrom({ runAsUser: 1 }, undefined))
    .map(([i, context]) =>
      edit(`context ${i}`, (object) => put(object, [...CONTAINERS, i, 'securityContext'], context)),
    ),
)
const edits: fc.Arbitrary<Edit> = fc.oneof(
  { arbitrary: containerEdits, weight: 6 },
  fc
    .constantFrom('1', '2')
    .map((at) =>
      edit(`restart ${at}`, (object) => put(object, ['spec', 'template', 'metadata', 'annotations', 'restarted'], at)),
    ),
  fc
    .constantFrom(0, 1, 2, 3)
    .map((replicas) => edit(`scale ${replicas}`, (object) => put(object, ['spec', 'replicas'], replicas))),
  fc.constantFrom('x', 'y', undefined).map((value) => setAnnotation('other', value)),
  fc.constantFrom('migrate', 'migrate', '["migrate","all"]', undefined).map((value) => setAnnotation(COMMAND, value)),
  fc.constantFrom('web', 'worker', undefined).map((value) => setAnnotation('migrate.io/container', value)),
  fc.constantFrom('90s', '30m', '2h', undefined).map((value) => setAnnotation('migrate.io/timeout', value)),
  fc.constantFrom('rolling', 'keep', undefined).map((value) => setAnnotation('migrate.io/strategy', value)),
  fc.constantFrom('0', undefined).map((value) => setAnnotation('migrate.io/retries', value)),
  fc.constantFrom<JsonObject>(DEFAULT, rolling(3, 2), rolling(0, '30%'), RECREATE).map((strategy) => ({
    ...edit(`strategy ${JSON.stringify(strategy)}`, (object) => put(object, ['spec', 'strategy'], strategy)),
  })),
  fc.constantFrom(60, 600, 900).map((seconds) => ({
    ...edit(`deadline ${seconds}`, (object) => put(object, ['spec', 'progressDeadlineSeconds'], seconds)),
  })),
)

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    arbitrary: fc
      .tuple(fc.constantFrom('edit' as const, 'apply' as const, 'replace' as const), edits)
      .map(([kind, change]) => ({ kind, edit: change })),
    weight: 12,
  },
  { arbitrary: fc.integer({ min: 1, max: 5 }).map((back) => ({ kind: 'undo' as const, back })), weight: 4 },
  {
    arbitrary: fc.record({
      kind: fc.constant('import' as const),
      back: fc.integer({ min: 1, max: 3 }),
      edit: containerEdits,
    }),
    weight: 2,
  },
  {
    arbitrary: fc.constantFrom('export' as const, 'label' as const, 'upgrade' as const).map((kind) => ({ kind })),
    weight: 3,
  },
)

interface Other {
  readonly order: 'first' | 'last'
  readonly lists: readonly string[]
  readonly what: 'env' | 'mount'
  readonly isAtStart: boolean
}
const others = fc.option(
  fc.record<Other>({
    order: fc.constantFrom('first', 'last'),
    lists: fc.constantFrom(['containers', 'initContainers'], ['initContainers']),
    what: fc.constantFrom('env', 'mount'),
    isAtStart: fc.boolean(),
  }),
)

const AGENT_MOUNT = { name: 'agent', mountPath: '/agent' }
const AGENT_VARIABLE = { name: 'AGENT', value: 'on' }

/** A webhook that adds a variable or a mount to all containers that it knows, where they have none yet. */
function webhook({ lists, what, isAtStart }: Other): OtherWebhook {
  const [field, added] = what === 'env' ? ['env', AGENT_VARIABLE] : ['volumeMounts', AGENT_MOUNT]
  const add = (items: readonly JsonObject[], item: JsonObject) =>
    items.some(({ name }) => name === item['name']) ? items : isAtStart ? [item, ...items] : [...items, item]
  return (object) => {
    const withVolume =
      what === 'env'
        ? object
        : put(object, [...POD, 'volumes'], add(list(object, ...POD, 'volumes'), { name: 'agent' }))
    return lists.reduce(
      (changed, name) =>
        put(
          changed,
          [...POD, name],
          list(changed, ...POD, name).map((container) => put(container, [field], add(list(container, field), added))),
        ),
      withVolume,
    )
  }
}

const COPIED = ['image', 'imagePullPolicy', 'env', 'envFrom', 'workingDir', 'resources', 'securityContext']
const SHAPING = [COMMAND, 'migrate.io/container', 'migrate.io/timeout']
const annotation = (object: JsonObject, key: string) => at(object, ...ANNOTATIONS, key)
const templateOf = (object: JsonObject) => at(object, 'spec', 'template')
const isSame = (a: Json | undefined, b: Json | undefined) => isDeepStrictEqual(a, b)

/** A template without anything that bears our names: what the user and other webhooks put there. */
function bareOf(object: JsonObject): Json {
  const others = (name: string) =>
    list(object, ...POD, name).filter((item) => !/^migrate-io(-state)?$/.test(String(item['name'])))
  const map = (name: string, key: string) => {
    const entries = Object.entries((at(object, 'spec', 'template', 'metadata', name) ?? {}) as JsonObject)
    return Object.fromEntries(entries.filter(([k]) => k !== key))
  }
  const bare = {
    metadata: {
      labels: map('labels', 'migrate.io/protocol'),
      annotations: map('annotations', 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'),
    },
    spec: {
      ...(at(object, ...POD) as JsonObject),
      initContainers: others('initContainers'),
      volumes: others('volumes'),
    },
  }
  return (
    templateOf(withDefaults({ ...object, spec: { ...(at(object, 'spec') as JsonObject), template: bare } })) ?? null
  )
}

/** The same without what the other webhook adds, which stands wherever it was when the user added something after it. */
function userPartOf(object: JsonObject): Json {
  const isUsers = (item: JsonObject) => !['AGENT', 'agent'].includes(String(item['name']))
  return withoutItems(bareOf(object), isUsers)
}

function withoutItems(value: Json, isKept: (item: JsonObject) => boolean): Json {
  if (Array.isArray(value))
    return (value as readonly Json[])
      .filter((item) => !isObject(item) || isKept(item))
      .map((item) => withoutItems(item, isKept))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, withoutItems(inner, isKept)] as const)
  return Object.fromEntries(entries.filter(([, inner]) => !Array.isArray(inner) || inner.length > 0))
}

/** Each has another script, and every other one another message path. */
function version(number: number): Wrapper {
  const wrapper = wrapperOf(`${SCRIPT}\n: version ${number}`)
  return number % 2 === 0 ? { ...wrapper, terminationMessagePath: `/dev/message-${number}` } : wrapper
}

class History {
  readonly #server: ApiServer
  readonly #webhook: Other | null
  #intent: JsonObject
  #released = new Set<string>()
  /** The user's own part of each revision, and what was exported. */
  readonly #intents = new Map<string, JsonObject>()
  readonly #exports: { readonly object: JsonObject; readonly intent: JsonObject }[] = []

  constructor(manifest: JsonObject, other: Other | null) {
    this.#webhook = other
    this.#server = new ApiServer(
      { wrapper: PRESENT_WRAPPER, released: this.#released },
      other === null ? {} : { [other.order]: webhook(other) },
    )
    this.#intent = manifest
    this.#server.send(manifest)
    this.#check(undefined, undefined, 0)
  }

  do(action: Action): void {
    const before = this.#server.stored
    const intentBefore = this.#intent
    const { specChanges } = this.#server
    switch (action.kind) {
      case 'label':
        this.#server.isOptedIn = !this.#server.isOptedIn
        return
      case 'upgrade': {
        this.#released.add(fingerprint(this.#server.wrappers.wrapper))
        this.#server.wrappers = { wrapper: version(this.#released.size + 1), released: new Set(this.#released) }
        return
      }
      case 'export':
        this.#exports.push({ object: before, intent: this.#intent })
        return
      case 'import':
        if (!this.#import(action.back, action.edit)) return
        break
      case 'undo':
        if (!this.#undo(action.back)) return
        break
      default:
        this.#intent = action.edit.change(this.#intent)
        this.#server.send(this.#sent(action.kind, action.edit, before))
    }
    this.#check(before, intentBefore, specChanges)
  }

  #sent(kind: 'edit' | 'apply' | 'replace', { change }: Edit, before: JsonObject): JsonObject {
    if (kind === 'replace') return this.#intent
    const edited = change(before)
    if (kind === 'edit') return edited
    // A manifest states its numbers again and again.
    return ['strategy', 'progressDeadlineSeconds', 'replicas'].reduce((object, field) => {
      const value = at(this.#intent, 'spec', field)
      return value === undefined ? object : put(object, ['spec', field], value)
    }, edited)
  }

  #import(back: number, { change }: Edit): boolean {
    const exported = this.#exports.at(-back)
    if (exported === undefined) return false
    const { stored } = this.#server
    // What an import states where it is what is stored already is no change, and says nothing of the record. Another
    // value beside an old record may be the user's or ours: nobody can tell, so that is left out.
    const isHeld = copies(exported.object).length > 0
    const fields = ['strategy', 'progressDeadlineSeconds']
    const unchanged = fields.filter((name) => isSame(at(exported.object, 'spec', name), at(stored, 'spec', name)))
    if (isHeld && unchanged.length < fields.length) return false
    this.#intent = unchanged.reduce(
      (intent, name) => put(intent, ['spec', name], at(this.#intent, 'spec', name)),
      change(exported.intent),
    )
    this.#server.send(change(exported.object))
    return true
  }

  #undo(back: number): boolean {
    const { revisions, stored, isOptedIn } = this.#server
    const revision = revisions.at(-1 - back)
    const intent = revision && this.#intents.get(JSON.stringify(revision.template))
    if (revision === undefined || intent === undefined) return false
    const { 'migrate.io/injected': _, ...annotations } = revision.annotations
    this.#intent = put(put(this.#intent, ['spec', 'template'], templateOf(intent)), ANNOTATIONS, annotations)
    this.#server.undo(revision)
    this.#checkUndo(revision, stored, isOptedIn)
    return true
  }

  #checkUndo({ template, annotations }: Revision, before: JsonObject, isOptedIn: boolean): void {
    const wasInjected = copies({ spec: { template } }).length > 0
    if (!wasInjected || !isOptedIn) return
    const isNoChange =
      copies(before).length > 0 &&
      isSame(bareOf({ spec: { template } }), bareOf(before)) &&
      SHAPING.every((key) => isSame(annotation(before, key), annotations[key]))
    assert.deepEqual(templateOf(this.#server.stored), isNoChange ? templateOf(before) : template, 'A5: rollout undo')
  }

  #isWanted(): boolean {
    return this.#server.isOptedIn && annotation(this.#intent, COMMAND) !== undefined
  }

  /** After each request. */
  #check(before: JsonObject | undefined, intentBefore: JsonObject | undefined, specChanges: number): void {
    const { stored } = this.#server
    const isWanted = this.#isWanted()
    this.#intents.set(JSON.stringify(templateOf(stored)), this.#intent)
    assert.equal(copies(stored).length, isWanted ? 1 : 0, 'A5, A6: copies')
    const parts = JSON.stringify(stored).match(/"migrate-io(-state)?"|migrate\.io\/(injected|protocol)/g) ?? []
    if (!isWanted) assert.deepEqual(parts, [], 'A6: something of ours stays behind')
    this.#checkUserPart()
    if (isWanted) this.#checkContainer()
    this.#checkRollout(isWanted)
    if (before !== undefined && intentBefore !== undefined) this.#checkStable(before, intentBefore, specChanges)
  }

  #checkUserPart(): void {
    const { stored } = this.#server
    let expected = withDefaults(this.#intent)
    if (this.#webhook !== null) expected = withDefaults(webhook(this.#webhook)(expected))
    assert.deepEqual(userPartOf(stored), userPartOf(expected), "the user's part")
    const { 'migrate.io/injected': _, ...annotations } = (at(stored, ...ANNOTATIONS) ?? {}) as JsonObject
    assert.deepEqual(annotations, at(this.#intent, ...ANNOTATIONS) ?? {})
    assert.equal(at(stored, 'spec', 'replicas'), at(expected, 'spec', 'replicas'))
  }

  #checkContainer(): void {
    const { stored } = this.#server
    const named = annotation(this.#intent, 'migrate.io/container') ?? 'web'
    const app = list(stored, ...CONTAINERS).find(({ name }) => name === named)
    const ours = migration(stored)
    assert.equal(list(stored, ...POD, 'initContainers').at(-1), ours, 'A10: ours is last')
    const isTheirs = (item: JsonObject) => this.#webhook !== null && ['AGENT', 'agent'].includes(String(item['name']))
    const isOurs = (item: JsonObject) => String(item['mountPath']).startsWith('/run/migrate.io')
    const user = (container: JsonObject | undefined, field: string) => {
      const value = at(container, field)
      if (!['env', 'volumeMounts'].includes(field)) return value
      return list(container, field).filter((item) => !isTheirs(item) && !isOurs(item))
    }
    for (const field of [...COPIED, 'volumeMounts'])
      assert.deepEqual(user(ours, field), user(app, field), `A5: ${field}`)
    if (this.#webhook !== null) {
      const added = this.#webhook.what === 'env' ? list(ours, 'env') : list(ours, 'volumeMounts')
      assert.equal(added.filter(isTheirs).length, 1, "A5: the other webhook's addition")
    }
    const [, , , , timeout] = ours['command'] as readonly string[]
    const seconds = { '90s': 90, '30m': 1800, '2h': 7200 }[String(annotation(this.#intent, 'migrate.io/timeout'))]
    assert.equal(timeout, `timeout=${seconds ?? 'none'}`)
    const command = String(annotation(this.#intent, COMMAND))
    assert.deepEqual(ours['args'], command.startsWith('[') ? JSON.parse(command) : ['/bin/sh', '-c', '--', command])
  }

  #checkRollout(isWanted: boolean): void {
    const { stored } = this.#server
    const own = withDefaults(this.#intent)
    const replicas = Number(at(own, 'spec', 'replicas'))
    const mode = annotation(this.#intent, 'migrate.io/strategy')
    const isArticle = mode === 'rolling' || (mode === undefined && isSame(at(own, 'spec', 'strategy'), DEFAULT))
    const strategy = isWanted && isArticle ? rolling(1, replicas <= 1 ? 0 : 1) : at(own, 'spec', 'strategy')
    assert.deepEqual(at(stored, 'spec', 'strategy'), strategy, 'A7: strategy')
    const timeout = { '90s': 90, '30m': 1800, '2h': 7200 }[String(annotation(this.#intent, 'migrate.io/timeout'))] ?? 0
    const deadline = Number(at(own, 'spec', 'progressDeadlineSeconds'))
    const expected = isWanted && timeout > deadline ? timeout + 600 : deadline
    assert.equal(at(stored, 'spec', 'progressDeadlineSeconds'), expected, 'A7: deadline')
  }

  /** Promise 4: no rollout that the user did not ask for. */
  #checkStable(before: JsonObject, intentBefore: JsonObject, specChanges: number): void {
    const { stored, isOptedIn, decisions } = this.#server
    const isTemplateSame = isSame(templateOf(withDefaults(intentBefore)), templateOf(withDefaults(this.#intent)))
    const isSameAs = (keys: readonly string[]) =>
      keys.every((key) => isSame(annotation(intentBefore, key), annotation(this.#intent, key)))
    const isHeldSame = copies(before).length === copies(stored).length
    if (isTemplateSame && isSameAs(SHAPING)) {
      // The other webhook may put its own in another place.
      const isRestSame = isSame(bareOf(stored), bareOf(before))
      if (isHeldSame) assert(isRestSame || this.#webhook !== null)
      if (isHeldSame && isRestSame)
        assert.deepEqual(templateOf(stored), templateOf(before), 'A4: a rollout that nobody asked for')
      // Asked again, it finds its work done; the one who sent this gets the warnings of all calls.
      else if (isRestSame && !isHeldSame && isOptedIn && isSameAs(['migrate.io/strategy', 'migrate.io/retries']))
        assert.match(decisions.flatMap(({ warnings }) => warnings).join(), /namespace/, 'A13: a warning')
      else if (!isHeldSame && !isOptedIn) assert(decisions.some(({ reason }) => reason === 'not-opted-in'))
    }
    const isSpecSame = isSame(at(withDefaults(intentBefore), 'spec'), at(withDefaults(this.#intent), 'spec'))
    if (
      isSpecSame &&
      isHeldSame &&
      isSame(bareOf(stored), bareOf(before)) &&
      isSameAs([...SHAPING, 'migrate.io/strategy'])
    )
      assert.equal(this.#server.specChanges, specChanges, 'A4: the spec')
  }
}

const manifests = fc
  .array(edits, { maxLength: 4 })
  .map((list) =>
    list.reduce((object, { change }) => change(object), put(MANIFEST, [...ANNOTATIONS, COMMAND], 'migrate')),
  )

suite('A4, A5, A6, A13, A14: whatever happens to a Deployment', () => {
  const describe = (action: Action) =>
    'edit' in action ? `${JSON.stringify(action)}: ${action.edit.text}` : JSON.stringify(action)

  test('A4, A5, A6, A13, A14: random histories', () => {
    fc.assert(
      fc.property(
        manifests,
        others,
        fc.array(actions, { minLength: 1, maxLength: 25, size: 'max' }),
        (manifest, other, list) => {
          const done: string[] = []
          try {
            const history = new History(manifest, other)
            for (const action of list) {
              done.push(describe(action))
              history.do(action)
            }
          } catch (error) {
            throw new Error(
              `after ${JSON.stringify(manifest['metadata'])} ${JSON.stringify(other)}\n${done.join('\n')}\n${error}`,
              {
                cause: error,
              },
            )
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
