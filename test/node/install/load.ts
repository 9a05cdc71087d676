import assert from 'node:assert/strict'
import { sum } from '../../support/installation/metrics.ts'
import { PROBE, probePath } from '../../support/installation/served.ts'
import { until } from '../../support/until.ts'
import type { Site } from './site.ts'

const EVERY_MS = 20 // 50 a second
const SOON = { limitMs: 60_000 }
const WEBHOOK = { name: 'inject.migrate.io' }

export interface Load extends AsyncDisposable {
  /** Returns after so many more were admitted. */
  more(admissions: number): Promise<void>
  /** Ends it. Throws if a call has failed: by what was answered, or by the API server's own count. */
  end(): Promise<LoadResult>
}

export interface LoadResult {
  readonly admitted: number
  readonly perSecond: number
  readonly failed: number
  /** The slowest answer that the API server gave. */
  readonly slowestMs: number
}

/**
 * 50 annotated Deployments a second, not stored, through the API server; an answer that comes late holds up no other. Beside
 * them nothing else may call the webhook.
 */
export async function startLoad({ cluster, place }: Site): Promise<Load> {
  const { name } = await place()
  const failures: string[] = []
  const running = new Set<Promise<void>>()
  const before = await failedCalls()
  const fromMs = performance.now()
  let admitted = 0
  let slowestMs = 0
  async function failedCalls(): Promise<number> {
    const labels = { ...WEBHOOK, error_type: 'calling_webhook_error' }
    return sum(await cluster.metrics(), 'apiserver_admission_webhook_rejection_count', labels)
  }
  const admit = async () => {
    const sentMs = performance.now()
    const { status, body } = await cluster.request('POST', probePath(name), PROBE)
    const text = JSON.stringify(body)
    if (status !== 201 || !text.includes('initContainers')) throw new Error(`${status} ${text}`)
    admitted++
    slowestMs = Math.max(slowestMs, performance.now() - sentMs)
  }
  const timer = setInterval(() => {
    const one: Promise<void> = admit()
      .catch((error: Error) => void failures.push(`${new Date().toISOString()} ${error.message}`))
      .finally(() => running.delete(one))
    running.add(one)
  }, EVERY_MS)
  const stop = async () => {
    clearInterval(timer)
    await Promise.all(running)
  }
  return {
    async more(admissions) {
      const goal = admitted + admissions
      await until('more were admitted', () => admitted >= goal, SOON)
    },
    async end() {
      const perSecond = Math.round(admitted / ((performance.now() - fromMs) / 1000))
      await stop()
      const byApiServer = (await failedCalls()) - before
      assert.deepEqual(failures.slice(0, 5), [], `${failures.length} failed`)
      assert.equal(byApiServer, 0, 'the API server counts no failed call')
      return { admitted, perSecond, failed: failures.length + byApiServer, slowestMs: Math.round(slowestMs) }
    },
    [Symbol.asyncDispose]: stop,
  }
}
