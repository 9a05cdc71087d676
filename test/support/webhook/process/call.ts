import { type Agent, request } from 'node:https'
import type { TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { HOST, type Webhook } from './webhook.ts'

const CALL_LIMIT_MS = 60_000 // a call that hangs becomes a failure with a name

export interface Call {
  /** Left out: a new connection. */
  readonly agent?: Agent
  /** Makes it a POST. */
  readonly body?: string | Buffer
  readonly path?: string
  readonly contentType?: string
  /** For certificates that are no longer valid. */
  readonly trustsAll?: boolean
}

export interface Called {
  readonly status: number
  readonly text: string
  readonly connection: string | undefined
  /** Of the connection that it used. */
  readonly localPort: number | undefined
  readonly serial: string
  readonly ms: number
}

/** One call over TLS. Rejects if the connection fails before the whole answer is there. */
export function call(webhook: Pick<Webhook, 'port' | 'ca'>, options: Call = {}): Promise<Called> {
  const { agent, body, contentType = 'application/json', trustsAll = false } = options
  const startedAt = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<Called>()
  const sent = request(
    {
      host: HOST,
      port: webhook.port,
      ca: [webhook.ca].flat(),
      agent: agent ?? false,
      rejectUnauthorized: !trustsAll,
      method: body === undefined ? 'GET' : 'POST',
      path: options.path ?? (body === undefined ? '/readyz' : '/mutate'),
      headers: body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    },
    (response) => {
      const socket = response.socket as TLSSocket
      const { localPort } = socket
      const serial = socket.getPeerCertificate().serialNumber
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.once('error', reject)
      response.once('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, text, connection: headers.connection, localPort, serial, ms: performance.now() - startedAt })
      })
    },
  )
  sent.once('error', reject)
  sent.end(body)
  return promise
}

export interface Calls {
  readonly called: readonly Called[]
  readonly failures: readonly string[]
}

/** Makes a call at each tick, whatever became of the ones before, until it is stopped. `stop` waits for the last answer. */
export function steadyCalls(t: TestContext, everyMs: number, make: (nth: number) => Promise<Called>) {
  const called: Called[] = []
  const failures: string[] = []
  const running = new Set<Promise<void>>()
  let nth = 0
  const timer = setInterval(() => {
    const one = make(nth++)
      .then((answer) => {
        if (answer.status === 200) called.push(answer)
        else failures.push(`${answer.status} ${answer.text}`)
      })
      .catch((error: Error) => void failures.push(error.message))
      .finally(() => running.delete(one))
    running.add(one)
  }, everyMs)
  t.after(() => clearInterval(timer))
  return {
    called,
    failures,
    async stop(): Promise<Calls> {
      clearInterval(timer)
      await Promise.all(running)
      return { called, failures }
    },
  }
}

export interface Spread {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** Of values in any order, rounded to a tenth. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(10 * (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN)) / 10
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}
