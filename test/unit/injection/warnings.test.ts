import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import {
  annotate,
  asStored,
  at,
  deepFreeze,
  flask,
  POD,
  put,
  refusal,
  stored,
} from '../../support/injection/objects.ts'

const create = (object: JsonObject) => decideInjection({ object: deepFreeze(object), optedIn: true })
const update = (oldObject: JsonObject, object: JsonObject) =>
  decideInjection({ object: deepFreeze(object), oldObject: deepFreeze(asStored(oldObject)), optedIn: true })

const COMMAND = 'migrate.io/command'
const CONTAINER = [...POD, 'containers', 0] as const
const TEMPLATE_ANNOTATIONS = ['spec', 'template', 'metadata', 'annotations'] as const

const withEnv = (command: string, fields: JsonObject = { env: [{ name: 'DB_PASSWORD', value: 'x' }] }) =>
  Object.entries(fields).reduce<JsonObject>(
    (object, [key, value]) => put(object, [...CONTAINER, key], value),
    flask({ [COMMAND]: command }),
  )
const withInit = (container: JsonObject, command = 'flask db upgrade') =>
  put(flask({ [COMMAND]: command }), [...POD, 'initContainers'], [{ name: 'first', image: 'x' }, container])
const ENV_FROM = { envFrom: [{ secretRef: { name: 'db' } }] }

/** The one warning, or none. */
function warning(object: JsonObject): string | undefined {
  const { warnings } = create(object)
  assert.ok(warnings.length <= 1, warnings.join('\n'))
  return warnings[0]
}

suite('A16: $(NAME) of a variable is not expanded, and it says so', () => {
  const WARNED: readonly (readonly [what: string, object: JsonObject, says: RegExp])[] = [
    [
      'in a JSON array',
      withEnv('["flyway","-password=$(DB_PASSWORD)","migrate"]'),
      /has \$\(DB_PASSWORD\), .* not expand .*"\$DB_PASSWORD".*\["\/bin\/sh","-c",/,
    ],
    [
      'in a command line',
      withEnv('flyway -password=$(DB_PASSWORD) migrate'),
      /the shell takes it for a program.*write \$DB_PASSWORD$/,
    ],
    [
      'in a shell of its own',
      withEnv('["sh","-c","flyway -password=$(DB_PASSWORD)"]'),
      /the shell takes it for a program/,
    ],
    ['twice, and said once', withEnv('["a","$(DB_PASSWORD)","$(DB_PASSWORD)"]'), /has \$\(DB_PASSWORD\), which/],
    ['from a whole Secret', withEnv('["flyway","-password=$(DB_PASSWORD)"]', ENV_FROM), /has \$\(DB_PASSWORD\)/],
  ]
  for (const [what, object, says] of WARNED)
    test(`A16: ${what}`, () => {
      assert.equal(create(object).kind, 'injected')
      assert.match(warning(object) ?? '', says)
    })

  const FINE: readonly (readonly [what: string, object: JsonObject])[] = [
    ['a program of the shell', withEnv('flask db upgrade $(date)')],
    ['a program of the shell, with a whole Secret', withEnv('flask db upgrade $(DATE)', ENV_FROM)],
    ['no variable of the container', withEnv('["flyway","$(OTHER)"]')],
    ['what is no name of a variable, with a whole Secret', withEnv('["awk","{print $(nf)}"]', ENV_FROM)],
    ['a variable as the shell has it', withEnv('flyway -password="$DB_PASSWORD"')],
    ['what was escaped for Kubernetes', withEnv('["flyway","$$(DB_PASSWORD)"]')],
  ]
  for (const [what, object] of FINE) test(`A16: not warned of: ${what}`, () => assert.equal(warning(object), undefined))
})

suite('A16: a command that was left in', () => {
  const SAME: readonly (readonly [what: string, container: JsonObject, command?: string])[] = [
    ['as arguments', { command: ['flask', 'db', 'upgrade'] }],
    ['as command and args', { command: ['flask'], args: ['db', 'upgrade'] }],
    ['as args alone', { args: ['flask', 'db', 'upgrade'] }],
    ['in a shell', { command: ['sh', '-c', 'flask db upgrade'] }],
    ['in a shell whose script is in args', { command: ['/bin/bash', '-ec'], args: ['exec  flask db\tupgrade'] }],
    ['with more around it', { command: ['sh', '-c', 'set -e; cd /app && flask db upgrade && echo done'] }],
    ['by its whole path', { command: ['/app/bin/flask', 'db', 'upgrade'] }],
    ['where ours is a JSON array', { command: ['sh', '-c', 'flask db upgrade'] }, '["/usr/bin/flask","db","upgrade"]'],
    ['with variables', { command: ['flask', '$(DB)'] }, 'flask "$DB"'],
    ['of several', { command: ['sh', '-c', 'a 1; b 2; c 3'] }, 'a 1 && b 2'],
  ]
  for (const [what, container, command] of SAME)
    test(`A16: in an init container, ${what}`, () => {
      const object = withInit({ name: 'migrate', image: 'x', ...container }, command)
      assert.equal(create(object).kind, 'injected')
      assert.match(warning(object) ?? '', /initContainers\[1\] \(migrate\) also runs the command .*remove it there/)
    })

  test('A16: in what the app itself starts with', () => {
    const object = put(flask(), [...CONTAINER, 'command'], ['sh', '-c', 'flask db upgrade && exec gunicorn app'])
    assert.match(warning(object) ?? '', /containers\[0\] \(flask\) also runs the command/)
  })

  const OTHERS: readonly (readonly [what: string, container: JsonObject, command?: string])[] = [
    ['another command', { command: ['flask', 'db', 'current'] }],
    ['a longer command', { command: ['flask', 'db', 'upgrade', '--sql'] }],
    ['only a part', { command: ['sh', '-c', 'a 1'] }, 'a 1 && b 2'],
    ['only what prepares', { command: ['sh', '-c', 'cd /app'] }, 'cd /app && flask db upgrade'],
    ['no command', {}],
    ['what is no command', { command: [1, null], args: 'x' }],
  ]
  for (const [what, container, command] of OTHERS)
    test(`A16: not warned of: ${what}`, () =>
      assert.equal(warning(withInit({ name: 'other', image: 'x', ...container }, command)), undefined))
})

suite('A16: an init container that waits for the migration comes before it', () => {
  const WAITING: readonly (readonly [what: string, container: JsonObject])[] = [
    ["Airflow's", { name: 'a', args: ['airflow', 'db', 'check-migrations', '--migration-wait-timeout=60'] }],
    ["Django's", { name: 'a', command: ['sh', '-c', 'until python manage.py migrate --check; do sleep 1; done'] }],
    ["Rails'", { name: 'a', command: ['bin/rails', 'db:abort_if_pending_migrations'] }],
    ["Alembic's", { name: 'a', command: ['alembic', 'current', '--check-heads'] }],
    ['a command of the app', { name: 'a', command: ['python', 'manage.py', 'wait_for_migrations'] }],
    ['one for a Job', { name: 'a', image: 'groundnuty/k8s-wait-for:v2', args: ['job', 'web-migrate'] }],
    [
      'kubectl for a Job',
      { name: 'a', command: ['kubectl', 'wait', '--for=condition=complete', 'job/web-migrations'] },
    ],
    ['by its name', { name: 'wait-for-db-migrations' }],
  ]
  for (const [what, container] of WAITING)
    test(`A16: ${what}`, () =>
      assert.match(
        warning(withInit({ image: 'x', ...container })) ?? '',
        /initContainers\[1\] .*seems to wait .*remove it/,
      ))

  const OTHERS: readonly (readonly [what: string, container: JsonObject, command?: string])[] = [
    ['one that waits for the database', { name: 'wait-for-db', command: ['pg_isready'] }],
    ['one that waits for another Job', { name: 'a', image: 'groundnuty/k8s-wait-for:v2', args: ['job', 'seed'] }],
    ['a sidecar', { name: 'wait-for-migrations', restartPolicy: 'Always' }],
    ['one beside a command that only waits too', { name: 'wait-for-migrations' }, 'alembic current --check-heads'],
  ]
  for (const [what, container, command] of OTHERS)
    test(`A16: not warned of: ${what}`, () =>
      assert.equal(warning(withInit({ image: 'x', ...container }, command)), undefined))

  test('A16: a container of the app may wait', () => {
    const object = put(flask(), [...CONTAINER, 'command'], ['bin/rails', 'db:abort_if_pending_migrations'])
    assert.equal(warning(object), undefined)
  })
})

suite('A16: a warning comes once, with the change that it is about', () => {
  const before = withEnv('["flyway","$(DB_PASSWORD)"]')
  const injected = stored(create(before))
  const IMAGE = [...CONTAINER, 'image'] as const

  test('A16: not again with an apply that changes nothing, a scaling, or a new image', () => {
    for (const now of [injected, before, put(injected, ['spec', 'replicas'], 5), put(injected, IMAGE, 'app:2')])
      assert.deepEqual(update(injected, now).warnings, [])
  })

  test('A16: a second one, and not the first again', () => {
    const init = [{ name: 'wait-for-migrations', image: 'x' }]
    const { warnings } = update(injected, put(before, [...POD, 'initContainers'], init))
    assert.equal(warnings.length, 1)
    assert.match(warnings.join(), /wait-for-migrations/)
  })

  test('A16: on what was stored while it was not injected', () => {
    assert.match(update(before, put(before, IMAGE, 'app:2')).warnings.join('\n'), /\$\(DB_PASSWORD\)/)
  })
})

suite('A16: in the wrong place', () => {
  const misplaced = put(flask({}), [...TEMPLATE_ANNOTATIONS, COMMAND], 'flask db upgrade')

  test('A16: on the pod template, with nothing on the Deployment itself', () => {
    const decision = create(misplaced)
    assert.equal(decision.kind, 'untouched')
    assert.match(decision.warnings.join(), /template\.metadata\.annotations\[migrate\.io\/command\] has no effect/)
    assert.deepEqual(update(misplaced, annotate(misplaced, { other: 'x' })).warnings, [])
    assert.deepEqual(decideInjection({ object: misplaced, optedIn: false }).warnings, [])
  })

  test('A16: an init container is not the container of a migration', () => {
    const object = annotate(withInit({ name: 'migrate', image: 'x' }), { 'migrate.io/container': 'migrate' })
    const problems = refusal(create(object))
    assert.match(problems.join(), /"migrate" is an init container, .* one of the containers\. Allowed: flask$/)
  })
})

suite('A16: the AppArmor profile of the app is the profile of its migration', () => {
  const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/'
  const profiled = (profiles: Readonly<Record<string, string>>, object: JsonObject = flask()) =>
    put(
      object,
      TEMPLATE_ANNOTATIONS,
      Object.fromEntries(Object.entries(profiles).map(([name, p]) => [APPARMOR + name, p])),
    )
  const ours = (object: JsonObject) => at(object, ...TEMPLATE_ANNOTATIONS, `${APPARMOR}migrate-io`)

  test('A16: copied from the container that is meant, and from no other', () => {
    assert.equal(ours(stored(create(profiled({ flask: 'localhost/shop' })))), 'localhost/shop')
    assert.equal(ours(stored(create(profiled({ other: 'unconfined' })))), undefined)
    const two: Json = [
      { name: 'proxy', image: 'x' },
      { name: 'app', image: 'y' },
    ]
    const named = annotate(put(flask(), [...POD, 'containers'], two), { 'migrate.io/container': 'app' })
    const profiles = { proxy: 'unconfined', app: 'runtime/default' }
    assert.equal(ours(stored(create(profiled(profiles, named)))), 'runtime/default')
  })

  test('A16: it follows the app, and goes with the app’s and with the annotation', () => {
    const injected = stored(create(profiled({ flask: 'localhost/a' })))
    const changed = stored(
      update(injected, put(injected, [...TEMPLATE_ANNOTATIONS, `${APPARMOR}flask`], 'localhost/b')),
    )
    assert.equal(ours(changed), 'localhost/b')
    const none = stored(update(changed, put(changed, [...TEMPLATE_ANNOTATIONS, `${APPARMOR}flask`], undefined)))
    assert.equal(ours(none), undefined)
    const bare = stored(update(changed, annotate(changed, { [COMMAND]: undefined })))
    assert.deepEqual(at(bare, ...TEMPLATE_ANNOTATIONS), { [`${APPARMOR}flask`]: 'localhost/b' })
  })

  test('A16: nothing changes where nothing of the user’s did', () => {
    const injected = stored(create(profiled({ flask: 'localhost/a' })))
    for (const decision of [update(injected, injected), create(injected)])
      assert.deepEqual(at(stored(decision), 'spec'), at(injected, 'spec'))
  })
})
