import { type Block, type Generator, putLoad } from './load.ts'
import type { Server, ServerName } from './servers.ts'

/** How much is measured. */
export interface Plan {
  readonly connections: readonly number[]
  readonly rounds: number
  readonly durationMs: number
  /** Before each block. */
  readonly warmupMs: number
  /** Once for each server, so that its compilers and its heap have settled. */
  readonly firstWarmupMs: number
}

export interface Measured extends Block {
  readonly server: ServerName
  readonly round: number
}

/**
 * Puts load on one server at a time, in blocks that alternate between the servers, so that whatever else the machine does
 * meets all of them alike. The order rotates with each round.
 */
export async function measureRounds(generator: Generator, servers: readonly Server[], plan: Plan): Promise<Measured[]> {
  const say = (text: string) => process.stderr.write(`bench: ${text}\n`)
  const most = Math.max(...plan.connections)
  for (const server of servers) {
    say(`warming up ${server.name}`)
    await putLoad(generator, server, { connections: most, warmupMs: plan.firstWarmupMs, durationMs: 200 })
  }
  const blocks: Measured[] = []
  for (let round = 0; round < plan.rounds; round++) {
    for (const connections of plan.connections) {
      say(`round ${round + 1} of ${plan.rounds}, ${connections} connection${connections === 1 ? '' : 's'}`)
      for (let turn = 0; turn < servers.length; turn++) {
        const server = servers[(turn + round) % servers.length]
        if (server === undefined) continue
        const block = await putLoad(generator, server, {
          connections,
          warmupMs: plan.warmupMs,
          durationMs: plan.durationMs,
        })
        blocks.push({ server: server.name, round, ...block })
      }
    }
  }
  return blocks
}
