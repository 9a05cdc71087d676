import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { format, ownIdentity } from '../../support/cluster/identity.ts'
import { cached, type Recipe } from '../../support/cluster/images/cached.ts'

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-cached-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const TWO_DAYS_MS = 2 * 24 * 60 * 60 * 1000

test('what was made is not made again, until an ingredient changes', async () => {
  const made: string[] = []
  const environment = place('once')
  const first = await Promise.all([cached(recipe('a', made), environment), cached(recipe('a', made), environment)])
  const second = await cached(recipe('a', made), environment)
  const other = await cached(recipe('b', made), environment)
  assert.deepEqual([...new Set([...first, second])], [first[0]])
  assert.notEqual(other, second)
  assert.deepEqual(made, ['a', 'b'])
})

test('processes that want it at the same time make it once', async () => {
  const environment = { ...process.env, ...place('processes'), NODE_NO_WARNINGS: '1' }
  const log = join(folder, 'processes.log')
  const program = `
    const { cached } = await import(${JSON.stringify(join(import.meta.dirname, '../../support/cluster/images/cached.ts'))})
    const { appendFileSync, writeFileSync } = await import('node:fs')
    await cached({ name: 'thing', ingredients: ['x'], make: async (file) => {
      appendFileSync(${JSON.stringify(log)}, 'made\\n')
      await new Promise((resolve) => setTimeout(resolve, 200)) // long enough for the others to come
      writeFileSync(file, 'whole')
    } })`
  const codes = await Promise.all(
    Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        env: environment,
        stdio: 'ignore',
      })
      return new Promise((resolve) => child.once('close', resolve))
    }),
  )
  assert.deepEqual(codes, [0, 0, 0, 0])
  assert.equal(readFileSync(log, 'utf8'), 'made\n')
})

test('a failure leaves nothing behind, and the next one tries again', async () => {
  const environment = place('failure')
  const failing: Recipe = { ...recipe('a', []), make: () => Promise.reject(new Error('no room')) }
  await assert.rejects(cached(failing, environment), /no room/)
  assert.deepEqual(readdirSync(join(environment.MIGRATE_IO_CACHE, 'images')), [])
  assert.equal(readFileSync(await cached(recipe('a', []), environment), 'utf8'), 'a')
})

test('what a killed process left is removed, and what a living one is making is not', async () => {
  const environment = place('abandoned')
  const images = join(environment.MIGRATE_IO_CACHE, 'images')
  const left = join(images, `.thing-unfinished-${format({ ...ownIdentity(), started: 1 })}-a1b2c3`)
  const inWork = join(images, `.thing-unfinished-${format(ownIdentity())}-d4e5f6`)
  for (const each of [left, inWork]) mkdirSync(each, { recursive: true })
  await cached(recipe('a', []), environment)
  assert.deepEqual([existsSync(left), existsSync(inWork)], [false, true])
})

test('what nobody has asked for in a day goes when its successor is made', async () => {
  const environment = place('unused')
  const [old, recent] = [await cached(recipe('old', []), environment), await cached(recipe('recent', []), environment)]
  const then = new Date(Date.now() - TWO_DAYS_MS)
  utimesSync(old, then, then)
  await cached(recipe('new', []), environment)
  assert.ok(!existsSync(old))
  assert.ok(existsSync(recent))
})

function place(name: string) {
  return { MIGRATE_IO_CACHE: join(folder, name) }
}

function recipe(content: string, made: string[]): Recipe {
  return {
    name: 'thing',
    ingredients: [content],
    make: async (file) => {
      made.push(content)
      writeFileSync(file, content)
    },
  }
}
