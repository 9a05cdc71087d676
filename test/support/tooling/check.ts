import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { VERSION } from '../../../src/version.ts'
import { outdated } from '../../nightly/report.ts'
import { needPrograms } from './debian.ts'
import { root } from './root.ts'

/** What CI checks, fast parts first: `npm run check`. Stops at the first step that fails. */

const { values } = parseArgs({ options: { 'no-tests': { type: 'boolean', default: false } } })
needPrograms([{ program: 'shellcheck', debianPackage: 'shellcheck' }])
const scripts = globSync('src/**/*.sh', { cwd: root })
const steps: readonly (readonly [string, readonly string[]])[] = [
  ['format and lint', ['biome', 'ci', '--error-on-warnings', '.']],
  ['types', ['tsc', '-p', '.']],
  ['shell scripts', ['shellcheck', ...scripts]],
  ['generated files', [process.execPath, 'test/support/tooling/generate.ts', '--check']],
  ['mutations', [process.execPath, 'test/mutations/run.ts', '--applies']],
  // CI runs all tests after this.
  ...(values['no-tests']
    ? []
    : [['tests of the unit level', [process.execPath, 'test/support/runner/run.ts']] as const]),
]

const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }
if (version !== VERSION) fail(`src/version.ts says ${VERSION}, package.json says ${version}: make them the same`)
for (const [name, [program = '', ...args]] of steps) {
  process.stdout.write(`\n== ${name}\n`)
  const started = performance.now()
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) fail(`${name} failed: ${[program, ...args].join(' ')}`)
  process.stdout.write(`== ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
}
const warning = outdated()
if (warning !== undefined) process.stderr.write(`\ncheck: warning: ${warning}\n`)

function fail(why: string): never {
  process.stderr.write(`check: ${why}\n`)
  process.exit(1)
}
