import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { type Authenticator, ExecAuth, type User } from './client-node.ts'
import { type Clock, systemClock } from './clock.ts'
import { within } from './time-limit.ts'

const LIMIT_MS = 60_000 // the slowest ask a cloud's service several times; nobody sits before a controller to log in

/** How client-node starts the plugin: a field of its own, which it does not let anybody set. */
type Start = (command: string, args: readonly string[] | undefined, options: SpawnOptions) => ChildProcess

/** Credentials from a plugin (`exec` in a kubeconfig). One that hangs is ended, and what it wrote is never quoted. */
export class ExecPlugin implements Authenticator {
  readonly #way = new ExecAuth()
  readonly #clock: Clock
  readonly #limitMs: number
  #child: ChildProcess | undefined

  constructor(clock: Clock = systemClock, limitMs: number = LIMIT_MS) {
    this.#clock = clock
    this.#limitMs = limitMs
    const start: Start = (command, args, options) => {
      this.#child = spawn(command, args ?? [], options)
      return this.#child
    }
    Object.assign(this.#way, { execFn: start })
  }

  isAuthProvider(user: User): boolean {
    return this.#way.isAuthProvider(user)
  }

  /** @throws Error that says what the plugin did: ended with a message, could not be started, wrote no JSON, or hung */
  async applyAuthentication(user: User, options: Parameters<Authenticator['applyAuthentication']>[1]): Promise<void> {
    const command = `the plugin "${user.exec?.command}"`
    try {
      const answer = this.#way.applyAuthentication(user, options)
      await within(this.#limitMs, answer, { clock: this.#clock, what: command })
    } catch (cause) {
      this.#child?.kill('SIGKILL')
      // V8 quotes what is no JSON, and that may be half a token.
      if (cause instanceof SyntaxError) throw new Error(`${command} wrote something that is no JSON`)
      throw cause
    }
  }
}
