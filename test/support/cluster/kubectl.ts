import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const LIMIT_MS = 300_000 // a hung call must not hang the tests; longer than any --timeout that a test asks for

export interface KubectlOptions {
  /** What kubectl reads from its standard input, as with `-f -`. */
  input?: string
  /** Return a failure instead of throwing it. */
  allowFailure?: boolean
  /** Act as this user, such as system:serviceaccount:shop:deployer. */
  as?: string
}

export interface KubectlResult {
  stdout: string
  stderr: string
  code: number
}

export interface KubectlPlace {
  binary: string
  kubeconfig: string
  folder: string
}

/** Runs kubectl against this cluster and no other, whatever the environment says. */
export async function kubectl(
  { binary, kubeconfig, folder }: KubectlPlace,
  args: string[],
  { input, allowFailure = false, as }: KubectlOptions = {},
): Promise<KubectlResult> {
  const all = [`--kubeconfig=${kubeconfig}`, ...(as === undefined ? [] : [`--as=${as}`]), ...args]
  const child = spawn(binary, all, {
    // HOME is where kubectl keeps its discovery cache and finds a user's kuberc.
    env: { PATH: process.env['PATH'], HOME: join(folder, 'home') },
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? -1))
  })
  // kubectl may end before it has read all its input; its exit code says what matters.
  child.stdin.on('error', () => {})
  child.stdin.end(input ?? '')
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code !== 0 && !allowFailure) {
    throw new Error(`kubectl ${all.slice(1).join(' ')}: exit code ${code}\n${stderr.trim() || stdout.trim()}`)
  }
  return { stdout, stderr, code }
}
