import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { CertificateSource, ServingPair } from '../certificates/serving-pair.ts'
import { type ConnectionLimit, limitConnections } from '../http/connections.ts'
import type { ServerParts } from '../http/fastify.ts'

const KEEP_ALIVE_MS = 120_000 // the API server reuses idle connections for 90 s and doesn't repeat a call that was reset
const UNUSED_AT_CLOSE_MS = 1_000 // at shutdown a connection's first call may be on its way
const CLOSE_MAX_MS = 14_000 // accepted calls end by requestTimeout and the check after it
// Some 85 KiB each while they do nothing, 200 KiB with the beginning of a body. An API server has 25 that are idle, and at most as
// many as it has changes in flight, 200 by default, which are shared among the replicas.
const CONNECTIONS_MAX = 300

const LIMITS = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  // Each twice what the API server waits for an answer.
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 2_000, // Node looks at the two limits above every 30 s by default: slow senders would stay that long
  noDelay: true,
} as const

const CLIENT_ERROR_STATUS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
}

/** The sockets behind the app. */
interface TlsServer {
  /** What the app is built with, so that these sockets serve it. */
  readonly forApp: Required<Pick<ServerParts, 'serverFactory' | 'clientErrorHandler'>>
  /** Accepts no more, answers what was accepted, then is done. Idle connections end at once. */
  close(app: FastifyInstance): Promise<void>
  /** What `close` takes at most. */
  readonly closeMaxMs: number
}

/** What is told of it. */
interface TlsServerHooks {
  /** Each pair that new connections get from now on. */
  readonly onUse: (pair: ServingPair) => void
  readonly onCrowded: NonNullable<ConnectionLimit['onCrowded']>
}

/**
 * HTTPS with HTTP/1.1 only, which is what the API server speaks to Services. New connections get the source's newest pair; the
 * old ones stay, so that no call fails.
 */
export function createTlsServer(certificates: CertificateSource, told: TlsServerHooks): TlsServer {
  const { onUse, onCrowded } = told
  // Connections that never had a call: Go's client opens spare ones in a burst and keeps them for 90 s, like idle ones.
  const unused = new Set<Socket>()
  const context = ({ cert, key }: ServingPair) => ({ cert, key, minVersion: 'TLSv1.2' as const })
  let server: Server | undefined
  let isClosing = false
  return {
    forApp: {
      serverFactory(handler) {
        const { current } = certificates
        // Without a pair each handshake fails, until there is one.
        const created = createServer(
          { ...(current && context(current)), ...LIMITS, ALPNProtocols: ['http/1.1'] },
          handler,
        )
        limitConnections(created, { maxCount: CONNECTIONS_MAX, onCrowded })
        created.on('secureConnection', (socket) => {
          unused.add(socket)
          // Its handshake had begun before the shutdown did.
          if (isClosing) socket.setTimeout(UNUSED_AT_CLOSE_MS)
          socket.once('close', () => unused.delete(socket))
        })
        created.on('request', (request) => unused.delete(request.socket))
        if (current) onUse(current)
        certificates.watch((pair) => {
          created.setSecureContext(context(pair))
          onUse(pair)
        })
        server = created
        return created
      },
      clientErrorHandler(error, socket) {
        const waitsForFirstCall = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0
        if (waitsForFirstCall) socket.setTimeout(KEEP_ALIVE_MS)
        else endWithReason(error.code, socket)
      },
    },
    closeMaxMs: CLOSE_MAX_MS,
    async close(app) {
      certificates.stop()
      isClosing = true
      for (const socket of unused) socket.setTimeout(UNUSED_AT_CLOSE_MS)
      const limit = setTimeout(() => server?.closeAllConnections(), CLOSE_MAX_MS - UNUSED_AT_CLOSE_MS)
      await app.close()
      clearTimeout(limit)
    },
  }
}

/** What Node would write itself if nobody listened to `clientError`; nothing where an answer is already on its way. */
function endWithReason(code: string, socket: Socket & { _httpMessage?: { _headerSent?: boolean } }): void {
  const answered = socket._httpMessage?._headerSent === true
  // Before the end of a handshake nothing can be said: what is written would wait for it.
  if (!socket.writable || answered || code === 'ECONNRESET' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT') {
    socket.destroy()
    return
  }
  const status = CLIENT_ERROR_STATUS[code] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}
