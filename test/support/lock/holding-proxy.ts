import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, createServer, request as send } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { parse, stringify } from 'yaml'
import { pkiFiles } from '../cluster/certificates.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { until } from '../until.ts'

const HOST = '127.0.0.1'
const LIMIT_MS = 60_000

/** A call on its way. */
export interface Call {
  readonly method: string
  readonly path: string
  /** Empty for GET. */
  readonly body: string
}

export type Matches = (call: Call) => boolean

/** Stands before an API server, ends TLS, and holds single calls back. */
export interface HoldingProxy extends AsyncDisposable {
  /** A kubeconfig that leads through it. */
  readonly kubeconfig: string
  /** The next call that matches is carried out, but its answer is kept back. */
  holdAnswer(matches: Matches): Held
  /** The next call that matches is kept back itself. */
  holdCall(matches: Matches): Held
}

export interface Held {
  /** The call, once one is held. For an answer: with its status, so what it did is done. */
  untilHeld(): Promise<Caught>
  /** Lets it go on its way; resolves with the API server's status. */
  release(): Promise<number>
}

export interface Caught {
  readonly call: Call
  readonly status?: number
}

interface Trap {
  readonly at: 'call' | 'answer'
  readonly matches: Matches
  caught?: Caught
  readonly open: PromiseWithResolvers<void>
  readonly status: PromiseWithResolvers<number>
}

/** It calls as the administrator, whoever calls it, and shows the API server's own certificate. */
export async function startHoldingProxy(
  cluster: Pick<Cluster, 'folder' | 'url' | 'kubeconfig' | 'ca' | 'certificate' | 'key'>,
): Promise<HoldingProxy> {
  const { ca, certificate, key } = cluster
  const { serving } = pkiFiles(cluster.folder)
  const agent = new Agent({ ca, cert: certificate, key, keepAlive: true })
  const traps: Trap[] = []

  const server = createServer(
    { cert: readFileSync(serving.certificate), key: readFileSync(serving.key) },
    async (request, response) => {
      try {
        const body = await buffer(request)
        const call = { method: request.method ?? '', path: request.url ?? '', body: body.toString() }
        const at = traps.findIndex(({ matches }) => matches(call))
        const [trap] = at < 0 ? [] : traps.splice(at, 1)
        if (trap?.at === 'call') {
          trap.caught = { call }
          await trap.open.promise
        }
        const answer = await forward(request, body)
        const status = answer.statusCode ?? 0
        if (trap?.at === 'answer') {
          trap.caught = { call, status }
          await trap.open.promise
        }
        trap?.status.resolve(status)
        response.on('close', () => answer.destroy())
        response.writeHead(status, answer.headers)
        // A watch that has nothing to tell yet has begun all the same.
        response.flushHeaders()
        answer.on('error', () => response.destroy()).pipe(response)
      } catch {
        response.destroy()
      }
    },
  )
  // Whoever calls may be stopped for a while.
  server.requestTimeout = 0
  server.listen(0, HOST)
  await once(server, 'listening')
  const url = `https://${HOST}:${(server.address() as AddressInfo).port}`

  async function forward({ method, url: path, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { host: _, connection: __, ...others } = headers
    const outgoing = send(new URL(path ?? '/', cluster.url), { method, agent, headers: others })
    outgoing.end(body)
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    return answer
  }

  function hold(at: Trap['at'], matches: Matches): Held {
    const trap: Trap = { at, matches, open: Promise.withResolvers(), status: Promise.withResolvers() }
    traps.push(trap)
    return {
      untilHeld: () =>
        until(`a${at === 'call' ? ' call' : 'n answer'} is held`, () => trap.caught, { limitMs: LIMIT_MS }),
      release: () => {
        trap.open.resolve()
        return trap.status.promise
      },
    }
  }

  return {
    kubeconfig: leadingTo(url, cluster),
    holdAnswer: (matches) => hold('answer', matches),
    holdCall: (matches) => hold('call', matches),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      agent.destroy()
      server.close()
    },
  }
}

function leadingTo(url: string, { folder, kubeconfig }: Pick<Cluster, 'folder' | 'kubeconfig'>): string {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] }
  for (const { cluster } of config.clusters) cluster.server = url
  const file = join(folder, `through-${new URL(url).port}.kubeconfig`)
  writeFileSync(file, stringify(config), { mode: 0o600 })
  return file
}
