import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startControllerProcess } from '../../support/lock/controller-process.ts'
import { until } from '../../support/until.ts'

/** A program that says it runs, and something else, and ends in this way. */
async function start(t: TestContext, onSigterm: string) {
  const root = await mkdtemp(join(tmpdir(), 'migrate-io-controller-'))
  t.after(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'src'))
  await writeFile(
    join(root, 'src/main.ts'),
    `process.on('SIGTERM', () => { ${onSigterm} })
     console.log('{"msg":"controller is running","port":1}')
     console.error('TypeError: no line of the log')
     setInterval(() => {}, 1000)`,
  )
  const controller = await startControllerProcess({ kubeconfig: 'none', root, unready: true })
  t.after(() => controller.stop('SIGKILL'))
  return controller
}

test('S3: all that a controller writes is searched, also what is no line of its log', async (t) => {
  const controller = await start(t, 'process.exit(0)')
  await until('all is there', () => controller.output().includes('TypeError: no line of the log'), { limitMs: 20_000 })
  assert.match(controller.output(), /controller is running/)
  assert.equal(controller.logs().length, 1)
})

test('a controller that ends with an error when asked to end fails the test', async (t) => {
  const failing = await start(t, 'process.exit(3)')
  await assert.rejects(failing.stop(), /ended with 3; it wrote:.*controller is running/s)
  await assert.rejects(failing.stop(), /ended with 3/, 'also one that has ended already')
  const good = await start(t, 'process.exit(0)')
  await good.stop()
  const killed = await start(t, '')
  await killed.stop('SIGKILL')
  await killed.stop()
})
