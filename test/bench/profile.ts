import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Generator, putLoad } from './load.ts'
import { cacheFolder } from './peers.ts'
import { type Stage, startServer } from './servers.ts'

const SHOWN = 20
const DOSE = { connections: 25, warmupMs: 3000, durationMs: 5000 }

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

/** Runs ours under load with V8's CPU profiler. Gives the profile's file and where the time went, as lines. */
export async function profileOurs(stage: Stage, generator: Generator): Promise<string[]> {
  const folder = join(cacheFolder(), 'profiles', `${Date.now()}`)
  mkdirSync(folder, { recursive: true })
  const server = await startServer('ours', { ...stage, nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${folder}`] })
  await putLoad(generator, server, DOSE)
  await server.stop()
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('ours wrote no CPU profile when it was told to end')
  const path = join(folder, file)
  return [`CPU profile: ${path}`, ...selfTimes(JSON.parse(readFileSync(path, 'utf8')) as CpuProfile)]
}

/** The functions with the most time of their own, with their share of all time that was not idle. */
function selfTimes(profile: CpuProfile): string[] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const micros = new Map<string, number>()
  let busy = 0
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id)
    const took = profile.timeDeltas[index] ?? 0
    if (frame === undefined || frame.functionName === '(idle)') continue
    busy += took
    const where = frame.url === '' ? '' : ` ${basename(frame.url)}:${frame.lineNumber + 1}`
    const name = `${frame.functionName || '(anonymous)'}${where}`
    micros.set(name, (micros.get(name) ?? 0) + took)
  }
  return [...micros]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, took]) => `  ${((took / busy) * 100).toFixed(1).padStart(5)} %  ${name}`)
}
