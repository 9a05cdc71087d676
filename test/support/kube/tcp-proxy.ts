import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between a client and the API server, and does to the connection what networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  readonly connections: number
  /** Resets every connection. */
  reset(): void
  /** From now on nothing gets through in either direction, and nothing is closed: the other side seems to hang. */
  hold(): void
  /** All that was held back, and what follows, gets through. */
  release(): void
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isHeld = false
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    const pair = [client, upstream] as const
    pairs.add(pair)
    for (const socket of pair) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.once('close', () => {
        pairs.delete(pair)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.pipe(client)
    if (isHeld) stop(pair)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const close = async () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    await new Promise((closed) => server.close(closed))
  }
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size
    },
    reset() {
      for (const [client, upstream] of pairs) {
        client.resetAndDestroy()
        upstream.destroy()
      }
    },
    hold() {
      isHeld = true
      for (const pair of pairs) stop(pair)
    },
    release() {
      isHeld = false
      for (const [client, upstream] of pairs) {
        client.pipe(upstream)
        upstream.pipe(client)
      }
    },
    [Symbol.asyncDispose]: close,
  }
}

function stop([client, upstream]: readonly [Socket, Socket]): void {
  for (const socket of [client, upstream]) {
    socket.unpipe()
    socket.pause()
  }
}
