import * as http from 'node:http'
import * as https from 'node:https'
import type { Socket } from 'node:net'
import { KubeError } from './api.ts'
import { type Credentials, credentialsOf } from './credentials.ts'
import { type Answer, described, inWords, LoadError, type Request } from './errors.ts'
import type { KubeTarget } from './load.ts'

const CONNECT_LIMIT_MS = 3_000 // TCP and TLS; one that hangs is given up so soon that the next finds a server that is back (O4: 5 s)
const CALL_LIMIT_MS = 10_000 // for an answer in full; the slowest, a page of a list, takes well below 1 s
/** Of one object in full: etcd takes 1.5 MiB, of which the API server's JSON may be six times as long. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024
const IDLE_MS = 60_000 // below the 90 s after which the API server closes idle connections
const PROBE_MS = 5_000 // TCP keepalive, then 10 probes, one each second: a peer that vanished is noticed in 15 s

/** One per process: it keeps the connections, and so saves a TLS handshake with each call. */
export interface Transport {
  /** The whole answer, whatever its status. Throws AnswerTooLong; KubeError `unavailable` when none comes within 10 s. */
  send(call: Call): Promise<Answer>
  /** The answer as it begins, within 10 s; its body, which may go on for ever, is the caller's to read or destroy. */
  open(call: Call): Promise<http.IncomingMessage>
  /** Ends all connections, also those of calls under way. */
  close(): void
}

/** One HTTP call, below all knowledge of kinds. */
export interface Call {
  readonly request: Request
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  /** Default: JSON. */
  readonly accept?: string
  /** A longer answer is given up as soon as that shows. Default: 16 MiB */
  readonly maxBytes?: number
  /** Ends the call, also after its answer has begun. */
  readonly signal?: AbortSignal
}

/** There is an answer, which would take too much memory. */
export class AnswerTooLong extends KubeError {
  constructor(request: Request, maxBytes: number) {
    super('unavailable', `${inWords(request)}: the answer has more than ${maxBytes} bytes`)
  }
}

export interface TransportLimits {
  readonly callMs: number
  readonly connectMs: number
}

/**
 * HTTP/1.1 with Node's own client: the API server streams lines as they come, and undici costs 25 MiB more.
 *
 * @throws LoadError: a bad address, or a way to log in that is not supported.
 */
export async function connect(target: KubeTarget, limits: Partial<TransportLimits> = {}): Promise<Transport> {
  const { callMs = CALL_LIMIT_MS, connectMs = CONNECT_LIMIT_MS } = limits
  const credentials = await credentialsOf(target)
  const { server, proxyUrl } = target.cluster
  const isTls = checkedProtocol(target) === 'https:'
  const agent = new (isTls ? https : http).Agent({
    keepAlive: true,
    timeout: IDLE_MS,
    keepAliveMsecs: PROBE_MS,
    ...(proxyUrl ? { proxyEnv: { HTTPS_PROXY: proxyUrl, HTTP_PROXY: proxyUrl } } : {}),
  })

  async function attempt(call: Call, signal: AbortSignal): Promise<http.IncomingMessage> {
    const given = await credentials.current()
    const payload = call.body === undefined ? undefined : JSON.stringify(call.body)
    const options = optionsOf(call, given, { agent, signal })
    const outgoing = (isTls ? https : http).request(`${server}${call.path}`, options)
    // Node announces a body of its own accord with some methods only, and DELETE is none of them.
    if (payload !== undefined) outgoing.setHeader('content-length', Buffer.byteLength(payload))
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
    let hasAnswer = false
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The server closed an idle connection just as it was used again. For a read nothing is lost by asking once more.
      const wasIdle = outgoing.reusedSocket && error.code === 'ECONNRESET' && !hasAnswer
      if (wasIdle && call.method === 'GET' && !signal.aborted) attempt(call, signal).then(resolve, reject)
      else reject(error)
    })
    outgoing.once('response', (response) => {
      hasAnswer = true
      resolve(response)
    })
    outgoing.once('socket', (socket) => limitConnecting(socket, isTls, connectMs))
    outgoing.end(payload)
    return promise
  }

  async function answered(call: Call, signal: AbortSignal): Promise<http.IncomingMessage> {
    const response = await attempt(call, signal)
    if (response.statusCode !== 401) return response
    // A token that has just expired: nothing was done, so the same is asked with a new one.
    response.resume()
    credentials.renew()
    return attempt(call, signal)
  }

  const limited = <T>(call: Call, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    inTime(callMs, work, { what: inWords(call.request), signal: call.signal })

  return {
    send: (call) =>
      limited(call, async (signal) => {
        const response = await answered(call, signal)
        return answerOf(response, await textOf(response, call))
      }),
    open: (call) =>
      limited(call, async (signal) => {
        const response = await answered(call, signal)
        const end = () => response.destroy()
        call.signal?.addEventListener('abort', end)
        response.once('close', () => call.signal?.removeEventListener('abort', end))
        return response
      }),
    close: () => agent.destroy(),
  }
}

function checkedProtocol({ cluster: { server, proxyUrl }, source }: KubeTarget): string {
  const parsed = URL.parse(server)
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new LoadError('MALFORMED', `${source}: the server "${server}" isn't an address like https://host:6443`)
  if (proxyUrl && !/^https?:$/.test(URL.parse(proxyUrl)?.protocol ?? ''))
    throw new LoadError('UNSUPPORTED', `${source}: proxy-url "${proxyUrl}"; only http and https proxies are supported`)
  return parsed.protocol
}

function optionsOf(
  call: Call,
  { headers, tls }: Credentials,
  rest: { agent: http.Agent; signal: AbortSignal },
): https.RequestOptions {
  return {
    ...rest,
    ...tls,
    method: call.method,
    headers: {
      accept: call.accept ?? 'application/json',
      'user-agent': 'migrate-io',
      ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      ...headers,
    },
  }
}

function limitConnecting(socket: Socket, isTls: boolean, limitMs: number): void {
  if (!socket.connecting) return
  socket.setKeepAlive(true, PROBE_MS)
  const timer = setTimeout(
    () => socket.destroy(new Error(`no connection to the API server within ${limitMs / 1000} s`)),
    limitMs,
  )
  const clear = () => clearTimeout(timer)
  socket.once(isTls ? 'secureConnect' : 'connect', clear)
  socket.once('close', clear)
}

async function textOf(response: http.IncomingMessage, { request, maxBytes = ANSWER_MAX_BYTES }: Call): Promise<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  let content = ''
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    // Leaving the loop ends the connection, and with it what is still to come.
    if (bytes > maxBytes) throw new AnswerTooLong(request, maxBytes)
    content += decoder.decode(chunk, { stream: true })
  }
  return content + decoder.decode()
}

/** The answer as it came: JSON where it says so. Throws where that is not true. */
export function answerOf(response: http.IncomingMessage, content: string): Answer {
  const { statusCode = 0, headers } = response
  const seconds = Number(headers['retry-after'])
  const contentType = headers['content-type']
  const about = { status: statusCode, contentType, length: content.length }
  return {
    ...about,
    body: contentType?.startsWith('application/json') === true ? parsed(content, about) : content,
    retryAfterMs: headers['retry-after'] !== undefined && seconds >= 0 ? seconds * 1000 : undefined,
  }
}

/** V8's own message quotes what it can't read. */
function parsed(content: string, about: Parameters<typeof described>[0]): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw new Error(`the answer isn't JSON: ${described(about)}`)
  }
}

interface InTimeOptions {
  /** For the message. */
  readonly what: string
  /** Gives up earlier. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Does the work, whose signal is aborted when it takes longer; then, and when it fails, throws KubeError `unavailable`. Also
 * when the work doesn't heed its signal.
 */
async function inTime<T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  { what, signal }: InTimeOptions,
): Promise<T> {
  const abort = new AbortController()
  const giveUp = () => abort.abort(signal?.reason)
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${limitMs / 1000} s`)), limitMs)
  signal?.addEventListener('abort', giveUp)
  const aborted = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
  })
  if (signal?.aborted) giveUp()
  try {
    return await Promise.race([work(abort.signal), aborted])
  } catch (cause) {
    if (cause instanceof KubeError) throw cause
    const why = abort.signal.aborted ? abort.signal.reason : cause
    throw new KubeError('unavailable', `${what}: ${reasonOf(why)}`, { cause })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** Where an address has several, Node's error for all of them together has no text. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0])
  return error.message
}
