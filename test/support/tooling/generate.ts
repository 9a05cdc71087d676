import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import type { Generated } from './generated.ts'
import { copies } from './monitoring/copies.ts'
import { dashboard } from './monitoring/dashboard.ts'
import { metricsReference } from './monitoring/reference.ts'
import { referencePages } from './pages/pages.ts'
import { root } from './root.ts'

/**
 * Makes the files that are made from others: `npm run generate`. With --check it changes nothing and fails when one is
 * stale, so that the source runs without a build.
 */

/** The wrapper as TypeScript text, without the lines that hold only a comment. */
function wrapper(): Generated {
  const script = readFileSync(`${root}/src/injection/wrapper.sh`, 'utf8')
  const lines = script.split('\n').filter((line) => !/^\s*#/.test(line))
  const literals = lines
    .join('\n')
    .trim()
    .split('\n')
    .map((line) => `  ${JSON.stringify(line)},`)
  const text = [
    '// Made from wrapper.sh by `npm run generate`.',
    'export const WRAPPER = [',
    ...literals,
    "].join('\\n')",
    '',
  ].join('\n')
  return { path: 'src/injection/wrapper.generated.ts', text }
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const all = [wrapper(), metricsReference(), ...referencePages(), dashboard(), ...copies()]
const stale = all.filter(({ path, text }) => read(`${root}/${path}`) !== text)
if (values.check) {
  for (const { path } of stale) console.error(`${path} is stale: run \`npm run generate\` and commit it`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else {
  for (const { path, text } of stale) {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true })
    writeFileSync(`${root}/${path}`, text)
    console.log(`${path} written`)
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
