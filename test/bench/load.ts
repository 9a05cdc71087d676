import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Server } from './servers.ts'

const run = promisify(execFile)

/** One block of load, as peers/load prints it. Micros are microseconds. */
export interface Block {
  readonly connections: number
  readonly requests: number
  readonly failures: number
  readonly firstFailure?: string
  readonly failedDials: number
  readonly seconds: number
  readonly p50Micros: number
  readonly p90Micros: number
  readonly p99Micros: number
  readonly maxMicros: number
  readonly answerBytes: number
  readonly loadCpuSeconds: number
  readonly serverCpuSeconds: number
  readonly serverRssMaxKib: number
  readonly serverPeakKib: number
  /** What other processes took of all cores meanwhile, and the hypervisor. */
  readonly othersCpuSeconds: number
  readonly stolenCpuSeconds: number
}

export interface Generator {
  readonly program: string
  readonly core: number
  readonly caFile: string
  readonly bodyFile: string
}

export interface Dose {
  readonly connections: number
  readonly warmupMs: number
  readonly durationMs: number
}

/** Puts a dose of load on a server. Calls that failed are counted in the block; throws where no call was answered. */
export async function putLoad(generator: Generator, server: Server, dose: Dose): Promise<Block> {
  const flags = [
    ['-address', server.address],
    ['-ca-file', generator.caFile],
    ['-body-file', generator.bodyFile],
    ['-connections', `${dose.connections}`],
    ['-warmup', `${dose.warmupMs}ms`],
    ['-duration', `${dose.durationMs}ms`],
    ['-pid', `${server.pid}`],
  ].flat()
  const { stdout } = await run('taskset', ['-c', `${generator.core}`, generator.program, ...flags], {
    env: { ...process.env, GOMAXPROCS: '1' },
  })
  return JSON.parse(stdout) as Block
}
