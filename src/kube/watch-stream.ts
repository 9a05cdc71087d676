import { text } from 'node:stream/consumers'
import { KubeError, type Selection } from './api.ts'
import { queryOf } from './client.ts'
import type { Clock } from './clock.ts'
import { type ApiStatus, failure, type Request, readStatus } from './errors.ts'
import type { Kind, Metadata } from './objects.ts'
import { pathOf } from './resources.ts'
import { answerOf, type Transport } from './transport.ts'

const NEWLINE = 0x0a
const LINE_MAX_BYTES = 16 * 1024 * 1024 // etcd takes objects up to 1.5 MiB; as JSON that is some multiple

/** What one line of a watch says: ADDED and MODIFIED are `stored`. By a bookmark, nothing changed up to this version. */
export type WatchEvent =
  | { readonly kind: 'stored' | 'deleted'; readonly object: { readonly metadata: Metadata } }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }

/** The version to go on from is forgotten by the API server (410): only a new list helps. */
export class ResourceExpired extends Error {
  override readonly name = 'Expired'
}

/** A watch that can't be made sense of: cut within a line, or a line without end. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream'
}

interface StreamOptions {
  readonly selection: Selection
  /** Events after this one. */
  readonly resourceVersion: string
  /** The API server ends the watch by itself after this time. */
  readonly timeoutSeconds: number
  /** The longest silence; the API server sends a bookmark each minute. */
  readonly stallMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * One watch, from its request to its end: returns when the API server ends it in good order.
 *
 * @throws Expired; BrokenStream for a cut or senseless one; KubeError for a refusal or no answer; what the socket throws.
 */
export async function* watchStream<K extends Kind>(
  transport: Transport,
  kind: K,
  options: StreamOptions,
): AsyncGenerator<WatchEvent> {
  const { selection, resourceVersion, timeoutSeconds, stallMs, clock, signal } = options
  const request: Request = { verb: 'watch', kind, namespace: selection.namespace }
  const query = queryOf(selection, {
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(timeoutSeconds),
  })
  const path = `${pathOf(kind, { namespace: selection.namespace })}?${query}`
  const response = await transport.open({ request, method: 'GET', path, signal })
  try {
    if (response.statusCode === 410) throw new ResourceExpired('410 to the request')
    const stall = () => clock.after(stallMs, () => response.destroy(new BrokenStream(`silent for ${stallMs / 1000} s`)))
    let cancel = stall()
    try {
      if (response.statusCode !== 200) throw failure(request, answerOf(response, await text(response)))
      for await (const line of linesOf(response)) {
        cancel()
        yield eventOf(line, request)
        cancel = stall()
      }
    } finally {
      cancel()
    }
  } finally {
    response.destroy()
  }
}

function eventOf(line: string, request: Request): WatchEvent {
  const { type, object } = parsed(line)
  const { uid, resourceVersion } = object?.metadata ?? {}
  if (type === 'ERROR') throw errorOf(object, request)
  if (type === 'BOOKMARK' && resourceVersion) return { kind: 'bookmark', resourceVersion }
  const isEvent = type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED'
  if (!isEvent || !uid || !resourceVersion) throw broken(line, 'an event')
  return { kind: type === 'DELETED' ? 'deleted' : 'stored', object: object as { metadata: Metadata } }
}

function parsed(line: string): { type?: string; object?: { metadata?: Partial<Metadata> } } {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    throw broken(line, 'JSON')
  }
  throw broken(line, 'an object')
}

/** Without what stands in it: that may be a pod with a secret in its environment. */
function broken(line: string, what: string): BrokenStream {
  return new BrokenStream(`a line of ${line.length} characters, which isn't ${what}`)
}

/** An error within the stream is a Status, after which the API server ends it. */
function errorOf(object: unknown, request: Request): Error {
  const status: ApiStatus | undefined = readStatus(object)
  const code = status?.code ?? 500
  if (code === 410) return new ResourceExpired(status?.message ?? '410 within the watch')
  const error = failure(request, {
    ...{ status: code, body: object ?? '', retryAfterMs: undefined },
    ...{ contentType: 'an event of the watch', length: 0 },
  })
  return error.code === 'unavailable' ? error : new KubeError('unavailable', error.message, { cause: error })
}

/**
 * The lines of a stream, each as soon as its newline is there. What stands after the last newline is no line: the stream was
 * cut, and half an event must never be taken for one.
 */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end))
      const line = Buffer.concat(parts).toString('utf8')
      parts = []
      bytes = 0
      start = end + 1
      if (line.trim() !== '') yield line
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > LINE_MAX_BYTES) throw new BrokenStream(`a line of more than ${LINE_MAX_BYTES} bytes`)
  }
  if (bytes > 0) throw new BrokenStream(`the stream ended within a line, ${bytes} bytes after the last newline`)
}
