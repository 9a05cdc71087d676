import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { findTool } from '../cluster/binaries.ts'
import { spawnTied } from '../cluster/spawn.ts'
import { until } from '../until.ts'

const LIMIT_MS = 60_000 // 1 s on a machine with nothing else to do

/** A series of an answer, and its value now. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Alert {
  readonly name: string
  /** What went wrong with its expression; empty where nothing did. */
  readonly error: string
  readonly state: 'inactive' | 'pending' | 'firing'
}

/** A real Prometheus that scrapes each second. */
export interface Prometheus {
  query(expr: string): Promise<readonly Sample[]>
  alerts(): Promise<readonly Alert[]>
  /** Returns when as many targets were scraped with success, and none without. */
  untilScraped(targets: number): Promise<void>
  stop(): Promise<void>
}

/**
 * @param scrapes as `scrape_configs` has them
 * @param ruleFile alerts that it evaluates each second
 */
export async function startPrometheus(scrapes: readonly object[], ruleFile: string): Promise<Prometheus> {
  const program = await findTool('prometheus')
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-prometheus-'))
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [ruleFile],
    scrape_configs: scrapes,
  }
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configuration))
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
  ]
  const child = spawnTied(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream as Readable).on('line', (line) => lines.push(line))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const address = await until(
    'Prometheus listens',
    () => (hasEnded() ? 'ended' : /"?Listening on"? .*address=(127\.0\.0\.1:\d+)/.exec(lines.join('\n'))?.[1]),
    { limitMs: LIMIT_MS },
  )
  if (address === 'ended') throw new Error(`prometheus ended; it wrote:\n${lines.join('\n')}`)
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://${address}/api/v1/${path}`, { signal: AbortSignal.timeout(LIMIT_MS) })
    const answer = (await response.json()) as { status: string; error?: string; data: T }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
    return answer.data
  }
  const query = async (expr: string) => {
    type Answer = { result: { metric: Record<string, string>; value: [number, string] }[] }
    const { result } = await ask<Answer>(`query?query=${encodeURIComponent(expr)}`)
    return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
  }
  return {
    query,
    async alerts() {
      type Rule = { name: string; state: Alert['state']; lastError?: string }
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules')
      return groups.flatMap(({ rules }) =>
        rules.map(({ name, state, lastError = '' }) => ({ name, state, error: lastError })),
      )
    },
    async untilScraped(targets) {
      await until('all targets are scraped', () => query('up'), {
        limitMs: LIMIT_MS,
        accept: (up) => up.length === targets && up.every(({ value }) => value === 1),
      })
    },
    async stop() {
      if (!hasEnded()) {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
