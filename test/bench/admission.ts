/**
 * `npm run bench:admission`: our webhook beside a fastify route that only allows and a Go webhook, over TLS, on one core each.
 * What it measures and must reach: P1 and P2.
 */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { makeCertificates } from './certificates.ts'
import { checkAnswers, type Golden, injectedScript, scriptOf } from './golden.ts'
import type { Generator } from './load.ts'
import { describeMachine, twoCores } from './machine.ts'
import { goProgram } from './peers.ts'
import { profileOurs } from './profile.ts'
import { measurePure } from './pure.ts'
import { type Report, textOf } from './report.ts'
import { recordedReview } from './review.ts'
import { measureRounds, type Plan } from './rounds.ts'
import { SERVERS, type Server, type ServerName, type Stage, startServer } from './servers.ts'
import { measureStarts } from './start.ts'
import { failuresOf, figuresOf, ratiosOf } from './summary.ts'
import { checksOf } from './targets.ts'

const USAGE = `usage: node test/bench/admission.ts [--short] [--profile] [--json FILE] [--servers ${SERVERS.join(',')}]`

const FULL = { connections: [1, 10, 25], rounds: 5, durationMs: 3000, warmupMs: 500, firstWarmupMs: 5000 }
const SHORT = { connections: [25], rounds: 2, durationMs: 1000, warmupMs: 300, firstWarmupMs: 2000 }
const STARTS = { full: 10, short: 3 }
const PURE_MS = { full: 500, short: 100 } // for each figure, and as long before it to warm up

const say = (text: string) => process.stderr.write(`bench: ${text}\n`)

interface Options {
  readonly short: boolean
  readonly profile: boolean
  readonly json: string | undefined
  readonly servers: readonly ServerName[]
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      json: { type: 'string' },
      servers: { type: 'string', default: SERVERS.join(',') },
    },
  })
  const wanted = values.servers.split(',')
  const servers = SERVERS.filter((name) => wanted.includes(name))
  if (servers.length !== wanted.length)
    throw new Error(`--servers is some of ${SERVERS.join(',')}, not ${values.servers}`)
  return { short: values.short, profile: values.profile, json: values.json, servers }
}

async function main(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

  const cores = twoCores()
  const machine = describeMachine()
  const { review, body } = recordedReview()
  const bodyFile = join(folder, 'review.json')
  writeFileSync(bodyFile, body)
  const scriptFile = join(folder, 'script.sh')
  writeFileSync(scriptFile, scriptOf(review.request.object))

  const ours = options.servers.includes('ours')
  if (ours) await build()
  const certificates = await makeCertificates(folder)
  const generator: Generator = { program: await goProgram('load'), core: cores.load, caFile: certificates.ca, bodyFile }
  const goWebhook = options.servers.includes('go') ? await goProgram('webhook') : ''
  const stage: Stage = { folder, certificates, core: cores.server, goWebhook, scriptFile }

  // From here on, all but the server under test keep off its core.
  execFileSync('taskset', ['-a', '-c', '-p', `${cores.load}`, `${process.pid}`], { stdio: 'ignore' })

  const plan: Plan = options.short ? SHORT : FULL
  const size = options.short ? 'short' : 'full'
  say('the decision alone')
  const pure = measurePure(PURE_MS[size])

  const servers: Server[] = []
  const golden: Partial<Record<ServerName, Golden>> = {}
  for (const name of options.servers) {
    const server = await startServer(name, stage)
    servers.push(server)
    golden[name] = await checkAnswers(server, review, certificates)
    if (name === 'ours') writeFileSync(scriptFile, await currentScript(server, stage, scriptOf(review.request.object)))
  }
  const blocks = await measureRounds(generator, servers, plan)
  await Promise.all(servers.map((server) => server.stop()))

  say('from start to ready')
  const starts = await measureStarts(options.servers, stage, STARTS[size])
  const profile = options.profile && ours ? await profileOurs(stage, generator) : []

  const figures = figuresOf(blocks)
  const ratios = ratiosOf(blocks)
  const checks = checksOf(figures, ratios, starts)
  const reviewBytes = Buffer.byteLength(body)
  const report: Report = { machine, plan, reviewBytes, golden, figures, ratios, starts, pure, checks, blocks }
  console.log([textOf(report), ...profile].join('\n'))
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)

  for (const block of blocks.filter((block) => failuresOf(block) > 0)) {
    say(`BROKEN: ${failuresOf(block)} calls to ${block.server} failed, the first with: ${block.firstFailure}`)
    process.exitCode = 1
  }
}

/** The Go webhook injects the same text as ours, also where the recorded review holds an older one. */
async function currentScript(server: Server, stage: Stage, recorded: string): Promise<string> {
  const script = await injectedScript(server, stage.certificates)
  if (script !== recorded)
    say('test/bench/review.json holds another wrapper than the one of now, so patches are larger; record it again')
  return script
}

async function build(): Promise<void> {
  say('npm run build')
  try {
    await promisify(execFile)('npm', ['run', 'build'], { cwd: join(import.meta.dirname, '../..') })
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    throw new Error(`npm run build failed:\n${stdout}${stderr}`, { cause })
  }
}

try {
  const options = optionsOf(process.argv.slice(2))
  await main(options)
} catch (error) {
  const usage = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true
  if (usage) say(USAGE)
  throw error
}
