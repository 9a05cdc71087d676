import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const PROGRESS_MS = 10_000
const SOURCE = /\.go$|^go\.(mod|sum)$/

/** Where things that take long to make are kept between runs. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(process.env['MIGRATE_IO_CACHE'] || join(base, 'migrate-io'), 'bench')
}

/** Builds a Go program of peers/, unless the same sources were built before. Gives the program's path. */
export async function goProgram(name: 'webhook' | 'load'): Promise<string> {
  const source = join(import.meta.dirname, 'peers', name)
  const hash = createHash('sha256')
  for (const file of readdirSync(source)
    .filter((file) => SOURCE.test(file))
    .sort()) {
    hash.update(`${file}\0`).update(readFileSync(join(source, file)))
  }
  const folder = join(cacheFolder(), `${name}-${hash.digest('hex').slice(0, 16)}`)
  const program = join(folder, name)
  if (existsSync(program)) return program

  mkdirSync(folder, { recursive: true })
  const unfinished = `${program}.${process.pid}`
  await build(name, source, unfinished)
  renameSync(unfinished, program)
  return program
}

async function build(name: string, source: string, target: string): Promise<void> {
  const started = performance.now()
  const seconds = () => Math.round((performance.now() - started) / 1000)
  const say = (text: string) => process.stderr.write(`bench: ${text}\n`)
  say(`building test/bench/peers/${name} with Go, once; some minutes when Go's own cache is cold`)
  const progress = setInterval(() => say(`still building ${name}, ${seconds()} s`), PROGRESS_MS)
  try {
    await run('go', ['build', '-trimpath', '-o', target, '.'], source)
  } finally {
    clearInterval(progress)
  }
  say(`built ${name} in ${seconds()} s`)
}

function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, CGO_ENABLED: '0' },
  })
  child.once('error', (cause) =>
    reject(new Error('go is needed to build what we are compared with: install Go 1.26 or put it on PATH', { cause })),
  )
  child.once('exit', (code, signal) => {
    if (code === 0) resolve()
    else reject(new Error(`${command} ${args[0]} in ${cwd} ended with ${signal ?? code}`))
  })
  return promise
}
