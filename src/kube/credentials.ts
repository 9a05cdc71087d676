import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { KubeError } from './api.ts'
import { type Authenticator, type Cluster, ExecAuth, FileAuth, type User } from './client-node.ts'
import { type Clock, systemClock, within } from './clock.ts'
import { LoadError } from './errors.ts'
import type { KubeTarget } from './load.ts'

const FILES_GOOD_FOR_MS = 60_000 // as client-go: certificates and authorities rotate, and overlap for much longer
const PLUGIN_LIMIT_MS = 60_000 // the slowest ask a cloud's service several times; nobody sits before a controller to log in
const REASON_MAX_CHARACTERS = 500 // a plugin may have written pages

/** What a call needs beside its path: headers, and options of the TLS connection. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>
}

interface CredentialSource {
  /** The present ones. Throws KubeError `unavailable` when they can't be had now. */
  current(): Promise<Credentials>
  /** The server has refused them (401): asks anew next time. */
  renew(): void
}

/** @throws LoadError for a way to log in that is not supported. */
export async function credentialsOf(
  { cluster, user }: KubeTarget,
  clock: Clock = systemClock,
): Promise<CredentialSource> {
  const make = await wayOf(user, clock)
  const login = user.exec ? { ...user, exec: informed(user.exec, cluster) } : user
  let authenticator = make?.()
  let files: { content: Promise<Credentials['tls']>; readAtMs: number } | undefined
  let running: Promise<Credentials> | undefined

  async function find(): Promise<Credentials> {
    try {
      if (!files || clock.nowMs() - files.readAtMs > FILES_GOOD_FOR_MS)
        files = { content: tlsOf(cluster, user), readAtMs: clock.nowMs() }
      const options = { headers: {} as Record<string, string>, ...(await files.content) }
      await authenticator?.applyAuthentication(login, options)
      const { headers, ...tls } = options
      return { headers: { ...headersOf(user), ...trimmed(headers) }, tls }
    } catch (cause) {
      files = undefined
      const why = (cause instanceof Error ? cause.message : String(cause)).trim().slice(0, REASON_MAX_CHARACTERS)
      throw new KubeError('unavailable', `no credentials for user "${user.name}" of the kubeconfig: ${why}`, { cause })
    }
  }

  return {
    // One at a time: a plugin is started once, however many calls wait for it.
    current() {
      running ??= find().finally(() => {
        running = undefined
      })
      return running
    },
    renew() {
      authenticator = make?.()
      files = undefined
    },
  }
}

/** How this user logs in; undefined where certificate, token or password stand in the kubeconfig itself. */
async function wayOf(user: User, clock: Clock): Promise<(() => Authenticator) | undefined> {
  if (user.exec) return () => new ExecPlugin(clock)
  const provider: string | undefined = user.authProvider?.name
  if (provider === undefined) return undefined
  if (provider === 'tokenFile') return () => new FileAuth()
  if (provider === 'oidc') {
    const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js')
    return () => new OpenIDConnectAuth()
  }
  throw new LoadError(
    'UNSUPPORTED',
    `user "${user.name}" of the kubeconfig uses auth-provider "${provider}"; supported are a certificate, a token, tokenFile, exec (a plugin) and oidc`,
  )
}

/** Many plugins end with an error without this variable, which client-node leaves out. */
function informed(exec: { apiVersion?: string; env?: object[] }, cluster: Cluster): object {
  const { server, caData, tlsServerName, skipTLSVerify } = cluster
  const info = {
    kind: 'ExecCredential',
    apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1',
    spec: {
      interactive: false,
      cluster: {
        server,
        ...(caData ? { 'certificate-authority-data': caData } : {}),
        ...(tlsServerName ? { 'tls-server-name': tlsServerName } : {}),
        ...(skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
      },
    },
  }
  return { ...exec, env: [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }] }
}

async function tlsOf(cluster: Cluster, user: User): Promise<Credentials['tls']> {
  const [ca, cert, key] = await Promise.all([
    pem(cluster.caFile, cluster.caData),
    pem(user.certFile, user.certData),
    pem(user.keyFile, user.keyData),
  ])
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
  }
}

/** Data in the kubeconfig itself comes before a file, as in client-go. */
async function pem(file: string | undefined, base64: string | undefined): Promise<string | undefined> {
  if (base64) return Buffer.from(base64, 'base64').toString('utf8')
  return file ? readFile(file, 'utf8') : undefined
}

function headersOf({ token, username, password, impersonateUser }: User): Record<string, string> {
  const basic = username ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` : undefined
  const authorization = token ? `Bearer ${token.trim()}` : basic
  return {
    ...(authorization === undefined ? {} : { Authorization: authorization }),
    ...(impersonateUser ? { 'Impersonate-User': impersonateUser } : {}),
  }
}

/** A token file often ends in a newline, which no header may hold. */
function trimmed(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.trim()]))
}

/** How client-node starts the plugin: a field of its own, which it does not let anybody set. */
type Start = (command: string, args: readonly string[] | undefined, options: SpawnOptions) => ChildProcess

/** Credentials from a plugin (`exec` in a kubeconfig). One that hangs is ended, and what it wrote is never quoted. */
class ExecPlugin implements Authenticator {
  readonly #auth = new ExecAuth()
  readonly #clock: Clock
  readonly #limitMs: number
  #child: ChildProcess | undefined

  constructor(clock: Clock = systemClock, limitMs: number = PLUGIN_LIMIT_MS) {
    this.#clock = clock
    this.#limitMs = limitMs
    const start: Start = (command, args, options) => {
      this.#child = spawn(command, args ?? [], options)
      return this.#child
    }
    Object.assign(this.#auth, { execFn: start })
  }

  isAuthProvider(user: User): boolean {
    return this.#auth.isAuthProvider(user)
  }

  /** @throws Error that says what the plugin did: ended with a message, could not be started, wrote no JSON, or hung */
  async applyAuthentication(user: User, options: Parameters<Authenticator['applyAuthentication']>[1]): Promise<void> {
    const command = `the plugin "${user.exec?.command}"`
    try {
      const answer = this.#auth.applyAuthentication(user, options)
      await within(this.#limitMs, answer, { clock: this.#clock, what: command })
    } catch (cause) {
      this.#child?.kill('SIGKILL')
      // V8 quotes what is no JSON, and that may be half a token.
      if (cause instanceof SyntaxError) throw new Error(`${command} wrote something that isn't JSON`)
      throw cause
    }
  }
}
