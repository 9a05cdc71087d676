/** A thread that holds connections open as an attacker would. Sends its `Progress` to the parent. */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'

const KINDS = ['slowHeaders', 'slowBodies', 'halfOpen', 'idle', 'announcedBodies', 'unfinishedBodies'] as const
export type Kind = (typeof KINDS)[number]

export interface Attack {
  readonly port: number
  readonly ca: readonly string[]
  /** The address that it comes from; any 127.0.0.x will do. */
  readonly from: string
  readonly counts: { readonly [K in Kind]?: number }
}

export interface Progress {
  /** How many are connected, or were. */
  readonly started: number
  /** Errors of those that were cut before they had sent anything. */
  readonly refused: readonly string[]
  /** When each was cut, in milliseconds after its start. */
  readonly cutMs: { readonly [K in Kind]: number[] }
}

const HOST = '127.0.0.1'
const A_BYTE_MS = 500
const BATCH = 50 // handshakes at a time; the others wait in the server's backlog otherwise
const HEAD = 'POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
const DECLARED_BYTES = [2_000, 6 * 1024 * 1024] // small ones, and large ones
const UNFINISHED_BYTES = 256 * 1024 // of which all but the last come at once
// A ClientHello of 508 bytes, of which no more than the beginning ever comes.
const PARTIAL_HELLO = Buffer.from('16030101fc010001f80303', 'hex')

const attack = workerData as Attack
const progress = {
  started: 0,
  refused: [] as string[],
  cutMs: Object.fromEntries(KINDS.map((kind) => [kind, []])) as unknown as Progress['cutMs'],
}
const trickling = new Set<Socket>()

setInterval(() => {
  for (const socket of trickling) if (socket.writable) socket.write('a')
}, A_BYTE_MS)
setInterval(() => parentPort?.postMessage(progress), 100)

const OPEN: { readonly [K in Kind]: (nth: number) => Held } = {
  halfOpen: (nth) => tcp(nth % 2 === 0 ? Buffer.alloc(0) : PARTIAL_HELLO),
  slowHeaders: () => tls(`${HEAD}x-slow: `),
  slowBodies: (nth) => tls(`${head(DECLARED_BYTES[nth % 2])}{"`),
  idle: () => tls(''),
  announcedBodies: () => tls(head(7 * 1024 * 1024 - 100)),
  unfinishedBodies: () => tls(head(UNFINISHED_BYTES) + ' '.repeat(UNFINISHED_BYTES - 1_000)),
}
await Promise.all(KINDS.map((kind) => hold(attack.counts[kind] ?? 0, kind, OPEN[kind])))

interface Held {
  readonly socket: Socket
  readonly isOpen: Promise<unknown>
}

async function hold(count: number, kind: keyof Progress['cutMs'], open: (nth: number) => Held): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, nth) => {
      const startedAt = performance.now()
      const { socket, isOpen } = open(from + nth)
      socket.on('error', () => {}) // reset while a byte was on its way: cut as well
      socket.once('close', () => {
        trickling.delete(socket)
        progress.cutMs[kind].push(performance.now() - startedAt)
      })
      socket.resume()
      return isOpen.then(
        () => void progress.started++,
        (error: Error) => void progress.refused.push(`${kind}: ${error.message}`),
      )
    })
    await Promise.all(batch)
  }
}

function head(bytes: number | undefined): string {
  return `${HEAD}content-length: ${bytes}\r\n\r\n`
}

function tcp(firstBytes: Buffer): Held {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connectTcp({ host: HOST, port: attack.port, localAddress: attack.from }, () => {
    if (firstBytes.length > 0) socket.write(firstBytes)
    resolve()
  })
  socket.once('error', reject)
  return { socket, isOpen: promise }
}

function tls(firstBytes: string): Held {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Node takes it here as for TCP, which @types/node doesn't say.
  const options = { host: HOST, port: attack.port, localAddress: attack.from, ca: [...attack.ca] }
  const socket = connectTls(options, () => {
    if (firstBytes !== '') {
      socket.write(firstBytes)
      trickling.add(socket)
    }
    resolve()
  })
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('closed')))
  return { socket, isOpen: promise }
}
