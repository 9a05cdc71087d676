import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { KubeTarget } from '../../../src/kube/load.ts'

export interface Seen {
  method: string
  url: URL
  headers: IncomingMessage['headers']
  body: string
}

export type Handler = (response: ServerResponse, seen: Seen) => void

/** An HTTP server that answers as the test says, for faults that a real API server shows at no moment one can choose. */
export class FakeApiServer {
  readonly requests: Seen[] = []
  readonly target: KubeTarget
  /** How many connections were opened. */
  connections = 0

  constructor(target: KubeTarget) {
    this.target = target
  }

  static async start(t: TestContext, handler: Handler): Promise<FakeApiServer> {
    const server = createServer(async (request, response) => {
      const seen: Seen = {
        method: request.method ?? '',
        url: new URL(request.url ?? '', 'http://fake'),
        headers: request.headers,
        body: await text(request),
      }
      fake.requests.push(seen)
      handler(response, seen)
    })
    server.keepAliveTimeout = 60_000
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as AddressInfo
    const fake = new FakeApiServer(targetAt(`http://127.0.0.1:${port}`))
    server.on('connection', () => fake.connections++)
    t.after(async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    })
    return fake
  }
}

export function targetAt(server: string, user: Partial<KubeTarget['user']> = {}): KubeTarget {
  return {
    cluster: { name: 'fake', server, skipTLSVerify: true },
    user: { name: 'somebody', ...user },
    namespace: 'default',
    isOwnPod: false,
    source: 'the test',
  }
}

export function answer(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** A refusal in the API server's own form. */
export function refuse(response: ServerResponse, code: number, more: object = {}, headers = {}): void {
  answer(response, code, { kind: 'Status', status: 'Failure', message: `refused by ${code}`, code, ...more }, headers)
}
