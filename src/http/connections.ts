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
 * One too many ends not the new one, which may be the API server's, but the one that is worth least:
 *
 * | first | connections that never had an answer        | of the address that has most of them, the oldest         |
 * | then  | those that had one and are idle             | of the address that has most of them, idle longest       |
 * | last  | those that have had one and are in a call   | the same                                                 |
 *
 * So a crowd of connections that do nothing ends itself, whatever its addresses are, and a crowd that behaves like an API
 * server has to have more addresses than the API server has connections.
 */
export function limitConnections(server: Server, { maxCount, onCrowded }: ConnectionLimit): void {
  /** By remote address and port, which TLS and the TCP below it have in common; the one that did something last is last. */
  const open = new Map<string, Connection>()
  let ended = 0
  let toldAt = Number.NEGATIVE_INFINITY

  // Before TLS: the handshake costs as much as what follows it.
  server.prependListener('connection', (socket) => {
    if (open.size >= maxCount) endOne()
    const key = keyOf(socket)
    const connection: Connection = { socket, address: socket.remoteAddress ?? '', rank: 0 }
    open.set(key, connection)
    socket.once('close', () => {
      if (open.get(key) === connection) open.delete(key)
    })
  })
  // Before the app: it may answer at once.
  server.prependListener('request', ({ socket }, response) => {
    const key = keyOf(socket)
    const connection = open.get(key)
    if (connection === undefined) return
    if (connection.rank === 1) connection.rank = 2
    response.once('close', () => {
      const isServed = connection.rank > 0 || (response.statusCode === 200 && response.writableFinished)
      connection.rank = isServed ? 1 : 0
      if (isServed && open.delete(key)) open.set(key, connection)
    })
  })

  function endOne(): void {
    const [key, { socket, address }] = leastOf([...open])
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
  readonly socket: Socket
  readonly address: string
  /** 0: never had an answer. 1: had one and is idle. 2: had one and is in a call. */
  rank: 0 | 1 | 2
}

/** @param open the oldest first, at least one */
function leastOf(open: readonly [string, Connection][]): [string, Connection] {
  const rank = Math.min(...open.map(([, each]) => each.rank))
  const byAddress = Map.groupBy(
    open.filter(([, each]) => each.rank === rank),
    ([, { address }]) => address,
  )
  const [crowd] = [...byAddress.values()].toSorted((a, b) => b.length - a.length)
  const [least] = crowd ?? []
  if (least === undefined) throw new Error('there is no connection to end')
  return least
}

function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
