import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/tooling/root.ts'

/**
 * Which folders of src a folder may import, from the ground up; files at the top of src are named one by one. Everything else
 * is an arrow against the direction in which knowledge flows, see ARCHITECTURE.md.
 */
const GROUND = ['names.ts', 'json.ts', 'version.ts']
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'names.ts': [],
  'json.ts': [],
  'version.ts': [],
  injection: GROUND,
  kube: GROUND,
  // Of kube, types only: see below.
  lock: ['names.ts', 'json.ts', 'kube'],
  observability: [...GROUND, 'kube', 'lock'],
  http: ['observability'],
  certificates: ['kube', 'observability'],
  status: [...GROUND, 'injection', 'kube', 'lock'],
  uninject: [...GROUND, 'injection', 'kube', 'lock'],
  controller: [...GROUND, 'injection', 'kube', 'lock', 'observability', 'http', 'certificates', 'status'],
  webhook: [...GROUND, 'injection', 'observability', 'http', 'certificates'],
  cli: [...GROUND, 'injection', 'kube', 'lock', 'observability', 'status', 'uninject', 'controller', 'webhook'],
  'main.ts': ['cli'],
}
const IMPORT = /^(?:import|export) (type )?[^'";]*?from '(\.[^']+)'|import\('(\.[^']+)'\)/gm

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const files = globSync('src/**/*.ts', { cwd: root })
const imports: readonly Import[] = files.flatMap((from) =>
  [...readFileSync(join(root, from), 'utf8').matchAll(IMPORT)].map(([, type, path, late]) => ({
    from,
    to: normalize(join(dirname(from), path ?? late ?? '')),
    isType: type !== undefined,
  })),
)
const roomOf = (file: string) => file.split('/')[1] ?? ''
const arrow = ({ from, to }: Import) => `${from} -> ${to}`

test('imports between the folders of src run one way', () => {
  assert.deepEqual(
    files.map(roomOf).filter((room) => ALLOWED[room] === undefined),
    [],
    'a folder without a place',
  )
  const wrong = imports.filter(
    ({ from, to }) => roomOf(from) !== roomOf(to) && !ALLOWED[roomOf(from)]?.includes(roomOf(to)),
  )
  assert.deepEqual(wrong.map(arrow), [])
  const order = Object.keys(ALLOWED)
  const upward = order.flatMap(
    (room) => ALLOWED[room]?.filter((each) => order.indexOf(each) >= order.indexOf(room)) ?? [],
  )
  assert.deepEqual(upward, [], 'the table itself runs one way')
})

test('the lock decides without a library and without a cluster', () => {
  const wrong = imports.filter(({ from, to, isType }) => roomOf(from) === 'lock' && roomOf(to) === 'kube' && !isType)
  assert.deepEqual(wrong.map(arrow), [])
})

test('no file of src imports itself by way of others', () => {
  const targets = Map.groupBy(imports, ({ from }) => from)
  const finished = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (path.includes(file) || finished.has(file)) return
    for (const { to } of targets.get(file) ?? []) walk(to, [...path, file])
    finished.add(file)
  }
  for (const file of files) walk(file, [])
  assert.deepEqual(circles, [])
})
