import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { Report } from '../../../src/status/report.ts'
import type { DeploymentStatus } from '../../../src/status/status.ts'
import { root } from '../tooling/root.ts'
import { until } from '../until.ts'

const LIMIT_MS = 180_000
const LOOK_AGAIN_MS = 500 // each look is a process

/** Where the command line is to look. */
export interface Sight {
  readonly kubeconfig: string
  readonly namespace: string
}

/** Starts `migrate-io`, beside whatever else runs. */
export function startCli({ kubeconfig, namespace }: Sight, ...args: string[]) {
  const child = spawn(process.execPath, [`${root}/src/main.ts`, ...args, '--kubeconfig', kubeconfig, '-n', namespace])
  child.stdin.end()
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, ended }
}

/** Runs `migrate-io` to its end. */
export async function runCli(sight: Sight, ...args: string[]) {
  const { child, ended } = startCli(sight, ...args)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, stdout, stderr }
}

/** What `status` says of one Deployment, once it is in that state for that reason. */
export async function untilStatus(
  sight: Sight,
  deployment: string,
  { state, reason }: Pick<DeploymentStatus, 'state' | 'reason'>,
): Promise<DeploymentStatus> {
  const look = async () => {
    const { stdout, stderr, code } = await runCli(sight, 'status', deployment, '-o', 'json')
    assert.equal(code, 0, stderr)
    return (JSON.parse(stdout) as Report).deployments[0]
  }
  return until(`${deployment} is ${state}: ${reason}`, look, {
    limitMs: LIMIT_MS,
    intervalMs: LOOK_AGAIN_MS,
    accept: (seen) => seen?.state === state && seen.reason === reason,
  })
}
