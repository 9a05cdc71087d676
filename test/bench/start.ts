import { type ServerName, type Stage, startServer } from './servers.ts'
import { type Spread, spreadOf } from './spread.ts'

export type StartTimes = Readonly<Partial<Record<ServerName, Spread>>>

/** Milliseconds from the start of a process to its first 200 of /readyz; the servers take turns. */
export async function measureStarts(names: readonly ServerName[], stage: Stage, times: number): Promise<StartTimes> {
  const readyMs = new Map<ServerName, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < times; round++) {
    for (const name of names) {
      const server = await startServer(name, stage)
      readyMs.get(name)?.push(server.readyMs)
      await server.stop('SIGKILL')
    }
  }
  return Object.fromEntries([...readyMs].map(([name, samples]) => [name, spreadOf(samples)]))
}
