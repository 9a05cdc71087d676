import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { get as getHttp } from 'node:http'
import { Agent, get as getHttps } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { engineFlags, installedMemory } from '../support/deploy/heap.ts'
import type { Certificates } from './certificates.ts'

export const SERVERS = ['ours', 'baseline', 'go'] as const
export type ServerName = (typeof SERVERS)[number]

const READY_LIMIT_MS = 30_000
const POLL_MS = 1
const STOP_LIMIT_MS = 15_000

/** What is needed to start any of the servers. */
export interface Stage {
  readonly folder: string
  readonly certificates: Certificates
  readonly core: number
  readonly goWebhook: string
  /** The text of our wrapper, which the Go webhook injects too. */
  readonly scriptFile: string
  /** More options for node, for ours. */
  readonly nodeOptions?: readonly string[]
}

export interface Server {
  readonly name: ServerName
  readonly pid: number
  readonly address: string
  /** From the start of the process to the first 200 of /readyz. */
  readonly readyMs: number
  /** Ends it by a signal and waits until it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

interface Command {
  readonly command: readonly string[]
  readonly address: string
  readonly readyUrl: string
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a server on its core and waits until it is ready. */
export async function startServer(name: ServerName, stage: Stage): Promise<Server> {
  const { command, address, readyUrl } = await commandOf(name, stage)
  const logFile = join(stage.folder, `${name}.log`)
  const log = openSync(logFile, 'w')
  const started = performance.now()
  const child = spawn('taskset', ['-c', String(stage.core), ...command], {
    stdio: ['ignore', log, log],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  closeSync(log)
  running.add(child)
  const ended = once(child, 'exit').then(() => running.delete(child))
  const readyMs = await untilReady(readyUrl, child, stage.certificates).then(
    (at) => at - started,
    async (cause: unknown) => {
      child.kill('SIGKILL')
      await ended.catch(() => {})
      throw new Error(`${name} did not get ready; it wrote:\n${readFileSync(logFile, 'utf8').slice(-2000)}`, { cause })
    },
  )
  return {
    name,
    pid: child.pid ?? 0,
    address,
    readyMs,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await ended
      clearTimeout(killer)
    },
  }
}

async function commandOf(name: ServerName, stage: Stage): Promise<Command> {
  const [port, second] = await freePorts()
  const { folder, certificate, key } = stage.certificates
  const address = `127.0.0.1:${port}`
  const readyUrl = `https://${address}/readyz`
  switch (name) {
    case 'ours': {
      const tls = ['--tls-cert-file', certificate, '--tls-private-key-file', key]
      const listen = ['--host', '127.0.0.1', '--port', `${port}`, '--metrics-port', `${second}`, '--log-level', 'info']
      const main = join(import.meta.dirname, '../../dist/main.js')
      const installed = [...engineFlags(), ...installedMemory('webhook').nodeOptions.split(' ')]
      return {
        command: [process.execPath, ...installed, ...(stage.nodeOptions ?? []), main, 'webhook', ...listen, ...tls],
        address,
        readyUrl,
      }
    }
    case 'baseline': {
      const main = join(import.meta.dirname, 'peers/baseline.ts')
      return { command: [process.execPath, main, `${port}`, certificate, key], address, readyUrl }
    }
    case 'go': {
      const readyAddress = `127.0.0.1:${second}`
      const flags = [
        '-port',
        `${port}`,
        '-cert-dir',
        folder,
        '-script-file',
        stage.scriptFile,
        '-ready-address',
        readyAddress,
      ]
      return { command: [stage.goWebhook, ...flags], address, readyUrl: `http://${readyAddress}/readyz` }
    }
  }
}

/** Two ports that nobody uses now. */
async function freePorts(): Promise<[number, number]> {
  const listeners = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')] as const
  await Promise.all(listeners.map((listener) => once(listener, 'listening')))
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port)
  await Promise.all(listeners.map((listener) => once(listener.close(), 'close')))
  return [ports[0] ?? 0, ports[1] ?? 0]
}

async function untilReady(url: string, child: ChildProcess, certificates: Certificates): Promise<number> {
  const agent = new Agent({ ca: readFileSync(certificates.ca) })
  let failure: unknown
  child.once('error', (error) => {
    failure = error
  })
  const limit = performance.now() + READY_LIMIT_MS
  while (performance.now() < limit && child.exitCode === null && child.signalCode === null && failure === undefined) {
    if ((await statusOf(url, agent)) === 200) return performance.now()
    await sleep(POLL_MS)
  }
  throw failure ?? new Error(`${url} did not answer 200 within ${READY_LIMIT_MS} ms`)
}

/** The status of a GET; undefined where nobody listens yet. */
function statusOf(url: string, agent: Agent): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const answered = (response: { statusCode?: number | undefined; resume(): unknown }) => {
    response.resume()
    resolve(response.statusCode)
  }
  const request = url.startsWith('https:')
    ? getHttps(url, { agent }, answered)
    : getHttp(url, { agent: false }, answered)
  request.once('error', () => resolve(undefined))
  return promise
}
