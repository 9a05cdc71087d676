import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http'
import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'

const LIMIT_MS = 60_000 // as long as the API server itself gives a request by default

export interface Answer<T> {
  status: number
  /** Parsed where it is JSON, else the text. */
  body: T
  headers: IncomingHttpHeaders
  /** The text of each `warning` header, as kubectl prints it. */
  warnings: string[]
}

export interface ApiOptions {
  url: string
  ca: string
  certificate: string
  key: string
}

/** Raw HTTPS calls to an API server with a client certificate. */
export class Api {
  readonly #url: string
  readonly #agent: Agent

  constructor({ url, ca, certificate, key }: ApiOptions) {
    this.#url = url
    this.#agent = new Agent({ ca, cert: certificate, key, keepAlive: true })
  }

  /**
   * Any status is an answer; only a connection that fails throws. A body that isn't a string is sent as JSON; the
   * content type is JSON unless the headers say otherwise, as a patch must.
   */
  async request<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const { promise, resolve, reject } = Promise.withResolvers<Answer<T>>()
    const call = request(new URL(path, this.#url), {
      method,
      agent: this.#agent,
      headers: { ...(payload === undefined ? {} : { 'content-type': 'application/json' }), ...lowerCased(headers) },
      signal: AbortSignal.timeout(LIMIT_MS),
    })
    call.once('error', (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })))
    call.once('response', (response) => {
      const { headers, headersDistinct, statusCode = 0 } = response
      const isJson = headers['content-type']?.startsWith('application/json') ?? false
      const warnings = (headersDistinct['warning'] ?? []).map(warningText)
      text(response)
        .then((content) => (isJson ? JSON.parse(content) : content) as T)
        .then((body) => resolve({ status: statusCode, body, headers, warnings }))
        .catch(reject)
    })
    // Node leaves it out of a DELETE, whose body then passes for the next request on the connection.
    if (payload !== undefined) call.setHeader('content-length', Buffer.byteLength(payload))
    call.end(payload)
    return promise
  }

  /** The body of a GET as text. Throws unless the status is 200. */
  async text(path: string): Promise<string> {
    const { status, body } = await this.request<string>('GET', path)
    if (status === 200) return body
    throw new Error(`GET ${path}: ${status} ${STATUS_CODES[status] ?? ''}: ${JSON.stringify(body)}`)
  }

  /** Closes the connections. A later request opens new ones. */
  close(): void {
    this.#agent.destroy()
  }
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** `299 - "text"` (RFC 7234, section 5.5), with quotes and backslashes escaped in the text. */
function warningText(header: string): string {
  const quoted = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(header)?.[1]
  return quoted === undefined ? header : quoted.replaceAll(/\\(.)/g, '$1')
}
