import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import { fingerprint, RELEASED, wrapperOf } from '../../../src/injection/wrapper.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import { APPARMOR_PREFIX } from '../../../src/names.ts'
import {
  annotate,
  asStored,
  at,
  copies,
  deepFreeze,
  flask,
  list,
  migration,
  POD,
  put,
  stored,
} from '../../support/injection/objects.ts'
import { earlierDeployment } from '../../support/injection/released/earlier.ts'

const APP = [...POD, 'containers', 0] as const
const OURS = [...POD, 'initContainers', 0] as const

const create = (object: JsonObject) => stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
const update = (before: JsonObject, now: JsonObject) =>
  stored(decideInjection({ object: deepFreeze(now), oldObject: deepFreeze(asStored(before)), optedIn: true }))

const variable = (name: string, value = 'x') => ({ name, value })
const [A, B, AGENT] = [variable('A'), variable('B'), variable('AGENT')]
const AGENT_MOUNT = { name: 'agent', mountPath: '/agent' }
const withEnv = (env: Json) => put(flask(), [...APP, 'env'], env)
const envOf = (object: JsonObject) => list(migration(object), 'env')
const addToOurs = (object: JsonObject, field: string, items: readonly JsonObject[]) =>
  put(object, [...OURS, field], [...list(object, ...OURS, field), ...items])

/** As the API server stored it: ours, and what another webhook added to our container only. */
const withAgent = addToOurs(create(withEnv([A, B])), 'env', [AGENT])

suite('A5: what other webhooks added to our container stays, what the user took from the app goes', () => {
  test('A5: a variable of another webhook stays, on creation and on any update', () => {
    assert.deepEqual(create(withAgent), withAgent)
    assert.deepEqual(update(withAgent, annotate(withAgent, { other: 'x' })), annotate(withAgent, { other: 'x' }))
    assert.deepEqual(envOf(update(withAgent, put(withAgent, [...APP, 'image'], 'app:2'))), [A, B, AGENT])
  })

  test('A5: a variable that the user removed goes, that of the other webhook stays', () => {
    assert.deepEqual(envOf(update(withAgent, put(withAgent, [...APP, 'env'], [A]))), [A, AGENT])
  })

  test('A5: the last variable that the user removed goes, that of the other webhook stays', () => {
    for (const env of [undefined, []] as const)
      assert.deepEqual(envOf(update(withAgent, put(withAgent, [...APP, 'env'], env))), [AGENT])
  })

  test('A5: a new variable comes in, and one that changed has its new value', () => {
    const edited = update(withAgent, put(withAgent, [...APP, 'env'], [variable('A', 'y'), B, variable('C')]))
    assert.deepEqual(
      new Set(envOf(edited).map(({ name, value }) => `${name}=${value}`)),
      new Set(['A=y', 'B=x', 'C=x', 'AGENT=x']),
    )
    assert.deepEqual(
      envOf(edited).filter(({ name }) => name !== 'AGENT'),
      at(edited, ...APP, 'env'),
      'the order of the app, since a variable may use those before it',
    )
  })

  test('A5: a variable at the start stays at the start', () => {
    const first = put(withAgent, [...OURS, 'env'], [AGENT, A, B])
    assert.deepEqual(envOf(create(first)), [AGENT, A, B])
  })

  test('A5: a mount with its volume stays', () => {
    const mounted = put(
      addToOurs(create(withEnv([A])), 'volumeMounts', [AGENT_MOUNT]),
      [...POD, 'volumes'],
      [...list(create(withEnv([A])), ...POD, 'volumes'), { name: 'agent', emptyDir: {} }],
    )
    assert.deepEqual(create(mounted), mounted)
    const edited = update(mounted, put(mounted, [...APP, 'image'], 'app:2'))
    assert.deepEqual(list(migration(edited), 'volumeMounts').at(-1), AGENT_MOUNT)
  })

  test('A5: a mount that the user removed from the app goes', () => {
    const volumes = [{ name: 'data', emptyDir: {} }]
    const mounts = [{ name: 'data', mountPath: '/data' }]
    const injected = create(put(put(flask(), [...APP, 'volumeMounts'], mounts), [...POD, 'volumes'], volumes))
    const edited = update(
      injected,
      put(
        put(injected, [...APP, 'volumeMounts'], undefined),
        [...POD, 'volumes'],
        list(injected, ...POD, 'volumes').slice(1),
      ),
    )
    assert.deepEqual(
      list(migration(edited), 'volumeMounts').map(({ name }) => name),
      ['migrate-io', 'migrate-io-state'],
    )
  })

  test('A5: resources and security context that the user removed go', () => {
    const full = put(put(flask(), [...APP, 'resources'], { limits: { cpu: '1' } }), [...APP, 'securityContext'], {
      runAsUser: 1,
    })
    const injected = create(full)
    const edited = migration(
      update(injected, put(put(injected, [...APP, 'resources'], undefined), [...APP, 'securityContext'], undefined)),
    )
    assert.equal(edited['resources'] ?? undefined, undefined)
    assert.equal(edited['securityContext'] ?? undefined, undefined)
    const part = migration(update(injected, put(injected, [...APP, 'securityContext'], { runAsGroup: 2 })))
    assert.deepEqual(part['securityContext'], { runAsGroup: 2 })
  })

  test('A5: another container is named: nothing of the one before stays', () => {
    const two = put(
      withEnv([A]),
      [...POD, 'containers'],
      [
        { name: 'web', image: 'web', env: [A], resources: { limits: { cpu: '1' } }, workingDir: '/web' },
        { name: 'worker', image: 'worker', env: [B] },
      ],
    )
    const injected = create(two)
    const after = migration(update(injected, annotate(injected, { 'migrate.io/container': 'worker' })))
    assert.deepEqual(
      [after['image'], after['env'], after['resources'], after['workingDir']],
      ['worker', [B], undefined, undefined],
    )
    const back = update(injected, annotate(injected, { 'migrate.io/container': 'worker' }))
    assert.deepEqual(
      migration(update(back, annotate(back, { 'migrate.io/container': undefined }))),
      migration(injected),
    )
  })

  test('A5: nothing that would start the app early or hold it back is kept', () => {
    let tampered = create(withEnv([A]))
    const clean = tampered
    for (const [field, value] of Object.entries({
      restartPolicy: 'Always',
      ports: [{ containerPort: 1 }],
      livenessProbe: { tcpSocket: { port: 1 } },
      startupProbe: { tcpSocket: { port: 1 } },
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
      command: ['true'],
      args: ['x'],
      image: 'other',
      terminationMessagePath: '/dev/null',
      tty: true,
    }))
      tampered = put(tampered, [...OURS, field], value)
    assert.deepEqual(create(tampered), clean)
    assert.deepEqual(update(clean, tampered), clean)
  })

  test('A5: an update that takes away some of ours is no clash: all of it comes back', () => {
    const injected = create(flask())
    for (const path of [
      ['spec', 'template', 'metadata', 'labels', 'migrate.io/protocol'],
      ['spec', 'template', 'metadata', 'annotations'],
      [...POD, 'initContainers'],
      [...POD, 'volumes'],
      [...POD, 'volumes', 1],
      [...OURS, 'volumeMounts'],
    ])
      assert.deepEqual(update(injected, put(injected, path, undefined)), injected, path.join('.'))
  })

  test('A5: bare, injected, or with ours twice over: one copy', () => {
    const injected = create(flask())
    const changed = put(flask(), [...APP, 'image'], 'app:2')
    for (const now of [flask(), changed, put(injected, [...APP, 'image'], 'app:3')]) {
      const after = update(injected, now)
      assert.equal(copies(after).length, 1)
      assert.equal(migration(after)['image'], at(now, ...APP, 'image'))
    }
    const twice = put(injected, [...POD, 'initContainers'], [...copies(injected), ...copies(injected)])
    assert.equal(copies(create(twice)).length, 1)
  })
})

suite('A4: another version of the wrapper', () => {
  const SCRIPTS = ['first', 'second', 'third'].map((text) => `: ${text}`)
  const [first = '', second = '', third = ''] = SCRIPTS
  const by = (script: string, ...released: string[]) => {
    const hashes = released.map((text) => fingerprint(wrapperOf(text)))
    const wrappers = { wrapper: wrapperOf(script), released: new Set(hashes) }
    return (oldObject: JsonObject | undefined, object: JsonObject) =>
      decideInjection(
        oldObject === undefined ? { object, optedIn: true } : { object, oldObject: asStored(oldObject), optedIn: true },
        wrappers,
      )
  }
  const scriptOf = (object: JsonObject) => at(migration(object), 'command', 2)
  const one = stored(by(first)(undefined, flask()))
  const newer = by(second, first)

  test('A4: an update that leaves the user part alone keeps the old one', () => {
    for (const now of [annotate(one, { other: 'x' }), put(one, ['spec', 'replicas'], 5), flask()]) {
      const decision = newer(one, now)
      assert.equal(decision.kind, 'kept')
      assert.deepEqual(at(stored(decision), 'spec', 'template'), at(one, 'spec', 'template'))
    }
  })

  test('A5: a change of the template, or of what shapes the container, brings the new one', () => {
    for (const now of [put(one, [...APP, 'image'], 'app:2'), annotate(one, { 'migrate.io/command': 'other' })])
      assert.equal(scriptOf(stored(newer(one, now))), second)
  })

  test('A5: rollout undo to a released one keeps it, to any other one does not', () => {
    const two = stored(newer(one, put(one, [...APP, 'image'], 'app:2')))
    const undone = put(two, ['spec', 'template'], at(one, 'spec', 'template'))
    const decision = newer(two, undone)
    assert.deepEqual([decision.kind, decision.reason], ['kept', 'released-wrapper'])
    assert.deepEqual(at(stored(decision), 'spec', 'template'), at(one, 'spec', 'template'))
    assert.deepEqual(stored(newer(two, stored(decision))), stored(decision), 'reinvocation')
    assert.equal(scriptOf(stored(by(second)(two, undone))), second, 'not released')
    assert.equal(scriptOf(stored(by(third, second)(two, undone))), third, 'another one released')
  })

  test('A5, A16: one that was released before profiles by annotation were copied is kept without one', () => {
    const profile = ['spec', 'template', 'metadata', 'annotations']
    const app = put(flask(), profile, { [`${APPARMOR_PREFIX}flask`]: 'localhost/app' })
    const injected = stored(by(first)(undefined, app))
    const before = put(injected, [...profile, `${APPARMOR_PREFIX}migrate-io`], undefined)
    const two = stored(newer(before, put(before, [...APP, 'image'], 'app:2')))
    assert.equal(at(two, ...profile, `${APPARMOR_PREFIX}migrate-io`), 'localhost/app')
    const undone = stored(newer(two, put(two, ['spec', 'template'], at(before, 'spec', 'template'))))
    assert.deepEqual(at(undone, 'spec', 'template'), at(before, 'spec', 'template'))
  })

  test('A5: a released one with anything else changed by hand is made anew', () => {
    const two = stored(newer(one, put(one, [...APP, 'image'], 'app:2')))
    const forged = put(put(two, ['spec', 'template'], at(one, 'spec', 'template')), [...OURS, 'args'], ['true'])
    const after = stored(newer(two, forged))
    assert.equal(scriptOf(after), second)
    assert.deepEqual(at(migration(after), 'args'), at(migration(one), 'args'))
  })
})

suite('A5, W7: what 0.1.0 injected, with its termination message at the default path', () => {
  const earlier = earlierDeployment()
  const path = [...OURS, 'terminationMessagePath']
  const image = (object: JsonObject, tag: string) =>
    put(object, [...APP, 'image'], `docker.io/project/my-flask-app:${tag}`)

  test('A4, W7: an update that changes nothing of the user’s keeps it byte for byte', () => {
    for (const now of [earlier, annotate(earlier, { note: 'x' }), put(earlier, ['spec', 'replicas'], 5)]) {
      const after = update(earlier, now)
      assert.equal(JSON.stringify(at(after, 'spec', 'template')), JSON.stringify(at(earlier, 'spec', 'template')))
    }
  })

  test('A5, W7: another image brings the present wrapper and its path; rollout undo brings all of the earlier one back', () => {
    const newer = update(earlier, image(earlier, '2'))
    assert.deepEqual([at(earlier, ...path), at(newer, ...path)], ['/dev/termination-log', '/dev/migrate.io-message'])
    const undone = put(asStored(newer), ['spec', 'template'], at(asStored(earlier), 'spec', 'template'))
    const decision = decideInjection({ object: undone, oldObject: asStored(newer), optedIn: true })
    assert.deepEqual([decision.kind, decision.reason], ['kept', 'released-wrapper'])
    assert.deepEqual(at(stored(decision), 'spec', 'template'), at(undone, 'spec', 'template'))
  })

  test('A5, W7: its text with another path, or its path with another text, was never released', () => {
    const newer = update(earlier, image(earlier, '2'))
    for (const [changed, value] of [
      [path, '/dev/elsewhere'],
      [[...OURS, 'command', 2], ': another'],
    ] as const) {
      const forged = put(put(newer, ['spec', 'template'], at(earlier, 'spec', 'template')), changed, value)
      const after = update(newer, forged)
      assert.deepEqual(at(after, ...path), '/dev/migrate.io-message')
      assert.deepEqual(at(after, ...OURS, 'command'), at(newer, ...OURS, 'command'))
    }
  })

  test('A5: a fingerprint does not depend on the order of keys, in which the API server has its own', () => {
    const wrapper = wrapperOf('x')
    const volumeMounts = wrapper.volumeMounts.map(({ name, mountPath, ...others }) => ({ ...others, mountPath, name }))
    assert.equal(fingerprint({ ...wrapper, volumeMounts }), fingerprint(wrapper))
    assert.ok(RELEASED.size > 0)
  })
})
