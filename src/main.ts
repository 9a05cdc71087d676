#!/usr/bin/env node
/** The program. Kept to what any Node can read, so that an old one is told what is missing. */
const NEEDED_MAJOR = 24

const major = Number(process.versions.node.split('.')[0])
if (major < NEEDED_MAJOR) {
  process.stderr.write(`migrate-io needs Node.js ${NEEDED_MAJOR} or later, but this is ${process.versions.node}\n`)
  process.exitCode = 1
} else {
  const { run } = await import('./cli/program.ts')
  await run(process.argv)
}

export {}
