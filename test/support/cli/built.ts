import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { root } from '../tooling/root.ts'
import type { CliResult } from './run-cli.ts'

export interface BuiltProgram extends Disposable {
  /** Its main file, as `npm run build` makes it. */
  readonly main: string
  readonly folder: string
  /**
   * Runs a script of bash in which `migrate-io` is the program, and other programs are what people pipe it to and from. A
   * pipeline fails where any part does.
   */
  sh(script: string): Promise<CliResult>
}

/** Builds the program in a folder of its own, so that tests that run at the same time are not in each other's way. */
export function buildProgram(): BuiltProgram {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-built-'))
  const main = join(folder, 'dist/main.js')
  execFileSync('tsc', ['-p', `${root}/tsconfig.build.json`, '--outDir', join(folder, 'dist')], { cwd: root })
  cpSync(`${root}/package.json`, join(folder, 'package.json'))
  symlinkSync(`${root}/node_modules`, join(folder, 'node_modules'))
  return {
    main,
    folder,
    async sh(script) {
      const prelude = 'set -o pipefail; migrate-io() { "$NODE" "$MAIN" "$@"; }'
      const env = { ...process.env, NODE: process.execPath, MAIN: main }
      const shell = spawn('bash', ['-c', `${prelude}\n${script}`], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const [stdout, stderr, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')])
      return { code: code as number | null, stdout, stderr }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
