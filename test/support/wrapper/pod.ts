import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { until } from '../until.ts'
import { type Files, PodFiles } from './pod-files.ts'
import { childrenOf, commandLine, end, withEnvironment } from './processes.ts'
import type { Shell } from './shells.ts'
import { type Clock, type Places, wrapperText } from './wrapper-text.ts'

export const REVISION = '5d8f9c7b6d'

/** More than any step takes on a busy machine; reached only by a failing test. */
export const LIMIT_MS = 60_000

/** Shorter than any sleep of the wrapper's. */
export const POLL = { limitMs: LIMIT_MS, intervalMs: 20 }

/** How long a waiting pod may need to stop: 2 s by W2, asserted at three times that. */
export const STOP_MS = 6_000

export interface Start {
  readonly command: readonly string[]
  /** Whole seconds. */
  readonly timeout?: number
  /** Added to PATH, which may be overwritten. */
  readonly env?: Readonly<Record<string, string>>
  /** Without PATH. */
  readonly withoutPath?: boolean
  readonly stdin?: string
  readonly places?: Partial<Places> & Clock
  /** Put in front of the shell, like setpriv with its arguments. */
  readonly prefix?: readonly string[]
  /** Run by the wrapper's shell before the wrapper. */
  readonly preamble?: string
}

export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly afterMs: number
}

/**
 * What one pod has of its own: kubelet's files and the state that outlives its containers. An earlier start of it has looked
 * at its files in this boot, so that a grant may be there from the start.
 */
export class Pod {
  readonly folder: string
  readonly files: PodFiles
  readonly state: string
  readonly #shell: Shell
  /** In the environment of all that this pod starts. */
  readonly mark = `POD_UNDER_TEST=${randomUUID()}`
  #starts = 0

  constructor(t: TestContext, shell: Shell, files: Files = {}) {
    this.#shell = shell
    this.folder = mkdtempSync(join(tmpdir(), 'migrate-io-wrapper-'))
    chmodSync(this.folder, 0o755)
    this.state = join(this.folder, 'state')
    mkdirSync(this.state)
    this.boot(1)
    writeFileSync(join(this.state, 'boot-1'), '')
    this.files = new PodFiles(join(this.folder, 'files'))
    this.files.update({ grant: '', revision: REVISION, number: '0', ...files })
    t.after(() => {
      for (const pid of withEnvironment(this.mark)) end(pid, 'SIGKILL')
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  /** Its node starts for the so-many-th time. */
  boot(count: number | string): void {
    this.write('boot_id', `${count}\n`)
  }

  /** Its node has been up for so long, for containers that are started with this file as their clock. */
  turnClock(seconds: number): void {
    // At once, as the kernel's own: half a number would be another time.
    this.write('uptime.new', `${seconds}.00 0.00\n`)
    renameSync(this.path('uptime.new'), this.path('uptime'))
  }

  /** What its volume had not on the disk is lost. */
  loseState(): void {
    for (const name of readdirSync(this.state)) rmSync(join(this.state, name))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** What a command wrote to a file in the pod's folder; empty when there is none. */
  written(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : ''
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  async untilWritten(name: string, text: string): Promise<void> {
    await until(`${name} has ${text}`, () => this.written(name), { ...POLL, accept: (seen) => seen.includes(text) })
  }

  /** A new container in the pod: as kubelet does it, with an empty termination message. */
  start(start: Start): Container {
    const message = this.path(`termination-log.${this.#starts++}`)
    writeFileSync(message, '')
    chmodSync(message, 0o666)
    const places = { files: this.files.path, state: this.state, bootId: this.path('boot_id'), message, ...start.places }
    const [file = '', ...argv] = [
      ...(start.prefix ?? []),
      ...this.#shell.argv,
      '-c',
      `${start.preamble ?? ''}${wrapperText(places)}`,
      'migrate-io',
      `timeout=${start.timeout ?? 'none'}`,
      ...start.command,
    ]
    const [markName = '', markValue = ''] = this.mark.split('=')
    // A file, since Node's pipes are sockets, and bash whose input is a socket takes itself for a remote shell's.
    this.write('stdin', start.stdin ?? '')
    const stdin = openSync(this.path('stdin'), 'r')
    const child: ChildProcess = spawn(file, argv, {
      cwd: this.folder,
      // Only what the test names: nothing of the test runner's.
      env: {
        ...(start.withoutPath ? {} : { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }),
        ...start.env,
        [markName]: markValue,
      },
      // A process group of its own, like a container: a signal to "all of the group" must not reach the tests.
      detached: true,
      stdio: [stdin, 'pipe', 'pipe'],
    })
    closeSync(stdin)
    return new Container(this, child, message)
  }

  /** Waits a little for those that were just killed and are on their way out. */
  async assertNothingRuns(): Promise<void> {
    await until('nothing of the pod runs', () => withEnvironment(this.mark).map(commandLine), {
      limitMs: LIMIT_MS,
      accept: (left) => left.length === 0,
    })
  }
}

/** One start of the wrapper. */
export class Container {
  readonly pid: number
  readonly message: string
  readonly ended: Promise<End>
  #stdout = Buffer.alloc(0)
  #stderr = ''
  #running = true
  readonly #pod: Pod
  readonly #began = performance.now()
  readonly #inode: number
  readonly #ranBefore: string

  constructor(pod: Pod, child: ChildProcess, message: string) {
    if (child.pid === undefined || !child.stdout || !child.stderr) throw new Error('it did not start')
    this.pid = child.pid
    this.#pod = pod
    this.message = message
    this.#inode = statSync(message).ino
    this.#ranBefore = pod.written('ran')
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout = Buffer.concat([this.#stdout, chunk])
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
    const exited = new Promise<End>((resolve) => {
      child.once('exit', (code, signal) => {
        this.#running = false
        resolve({ code, signal, afterMs: performance.now() - this.#began })
      })
    })
    // What is left running may keep the output open: then `ended` comes without the rest of it.
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    this.ended = exited.then(async (result) => {
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 3_000).unref())])
      return result
    })
  }

  get stdout(): string {
    return this.#stdout.toString()
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Standard output after what the wrapper itself said there. */
  get output(): string {
    return this.stdout.replace(/^(migrate\.io: .*\n)*/, '')
  }

  /** All that `kubectl logs` would show, line by line. */
  get lines(): readonly string[] {
    return `${this.stdout}\n${this.stderr}`.split('\n').filter((line) => line !== '')
  }

  get running(): boolean {
    return this.#running
  }

  /** The termination message. Kubernetes mounts that one file, so it must never be another file. */
  termination(): string {
    if (statSync(this.message).ino !== this.#inode) throw new Error('the termination message became another file')
    return readFileSync(this.message, 'utf8')
  }

  signal(signal: NodeJS.Signals): void {
    end(this.pid, signal)
  }

  async end(limitMs: number = LIMIT_MS): Promise<End> {
    await until('the wrapper ended', () => ({ ended: !this.#running, message: this.termination(), said: this.lines }), {
      ...POLL,
      limitMs,
      accept: ({ ended }) => ended,
    })
    return await this.ended
  }

  async untilSaid(text: string): Promise<void> {
    await until(`it said ${text}`, () => this.lines, {
      ...POLL,
      accept: (lines) => lines.some((line) => line.includes(text)),
    })
  }

  async untilMessage(text: string): Promise<void> {
    await until(`the message is ${text}`, () => this.termination(), { ...POLL, accept: (seen) => seen === text })
  }

  /** Until it has begun to sleep `times` more: in between it looked at all files that many times less one. */
  async untilSlept(times: number, pid: number = this.pid): Promise<void> {
    const sleeps = new Set<number>()
    await until(
      `it slept ${times} times or ended`,
      () => {
        for (const child of childrenOf(pid)) sleeps.add(child)
        return { sleeps: sleeps.size, ended: !this.#running }
      },
      { ...POLL, accept: (seen) => seen.ended || seen.sleeps >= times },
    )
    if (!this.#running) throw new Error(`the wrapper ended instead of waiting; it said:\n${this.lines.join('\n')}`)
  }

  /** It went on waiting: looked at the files at least twice, has not ended, and left no message. */
  async assertWaits(): Promise<void> {
    await this.untilSlept(3)
    const message = this.termination()
    if (message !== '') throw new Error(`it left the message "${message}" instead of waiting`)
    if (this.#pod.written('ran') !== this.#ranBefore) throw new Error('the command ran')
  }
}
