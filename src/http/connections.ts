import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const TELL_EVERY_MS = 60_000

export interface ConnectionLimit {
  readonly maxCount: number
  /** Told at most once a minute how many were ended since, and the address of the last, which had more than others. */
  readonly onCrowded?: (ended: number, address: string) => void
}

/**
 * Holds the number of a server's connections below a limit, since each costs memory before anything is known of who opened it.
 * One too many ends not the new one, which may be the API server's, but the one that is worth least: first those that never
 * had a good answer, then those that had; of these, one of the address that has most of them; of its, the oldest, or the
 * one that has been idle for the longest time.
 *
 * So a crowd of connections that do nothing ends itself, whatever its addresses are; and a crowd that behaves like an API
 * server has to have more addresses than the API server has connections.
 */
export function limitConnections(server: Server, { maxCount, onCrowded }: ConnectionLimit): void {
  /** By remote address and port, which a TLS connection and the TCP connection below it have in common. */
  const open = new Map<string, Connection>()
  const known = new WeakMap<Socket, Connection>()
  let time = 0 // counts what happens
  let ended = 0
  let toldAt = Number.NEGATIVE_INFINITY

  // Before TLS: the handshake costs as much as what follows it.
  server.prependListener('connection', (socket) => {
    if (open.size >= maxCount) endOne()
    const key = keyOf(socket)
    const connection: Connection = {
      key,
      socket,
      address: socket.remoteAddress ?? '',
      since: ++time,
      isServed: false,
    }
    open.set(key, connection)
    socket.once('close', () => {
      if (open.get(key) === connection) open.delete(key)
    })
  })
  // Before the app: it may answer at once.
  server.prependListener('request', ({ socket }, response) => {
    const connection = known.get(socket) ?? open.get(keyOf(socket))
    if (connection === undefined) return
    if (connection.isServed) {
      connection.since = ++time
      return
    }
    known.set(socket, connection)
    response.once('close', () => {
      if (response.statusCode !== 200 || !response.writableFinished) return
      connection.isServed = true
      connection.since = ++time
    })
  })

  function endOne(): void {
    const { key, socket, address } = leastOf([...open.values()])
    open.delete(key) // it closes later
    socket.destroy()
    ended++
    if (performance.now() - toldAt < TELL_EVERY_MS) return
    onCrowded?.(ended, address)
    toldAt = performance.now()
    ended = 0
  }
}

interface Connection {
  readonly key: string
  readonly socket: Socket
  readonly address: string
  /** When it was opened, or since it is served, when its last request came. */
  since: number
  /** Whether it had an answer with status 200. */
  isServed: boolean
}

/** @param open at least one */
function leastOf(open: readonly Connection[]): Connection {
  const unserved = open.filter(({ isServed }) => !isServed)
  const byAddress = Map.groupBy(unserved.length > 0 ? unserved : open, ({ address }) => address)
  const [crowd = []] = [...byAddress.values()].toSorted((a, b) => b.length - a.length)
  const [least] = crowd.toSorted((a, b) => a.since - b.since)
  if (least === undefined) throw new Error('there is no connection to end')
  return least
}

function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
