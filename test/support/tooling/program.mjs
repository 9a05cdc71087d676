/**
 * Loaded before each program that `npm run` starts (`node --import`). Where such a program can't go on because of the
 * machine or of what it was told, it ends with one clear line instead of a stack trace, and exit code 1; 2 for wrong usage. A
 * fault of its own keeps the stack. MIGRATE_IO_STACK=1 shows it in any case.
 *
 * Plain JavaScript and no import but Node's: it has to run where `npm ci` was forgotten, and on an old Node.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NEEDED_MAJOR = 24
/** What JavaScript itself throws, and what an assertion does: nobody but the programmer can do anything about those. */
const OWN_FAULTS = ['TypeError', 'ReferenceError', 'SyntaxError', 'RangeError', 'AssertionError']

// Those that this program starts, such as test files, are none that people start.
if (process.env.NODE_TEST_CONTEXT === undefined) {
  if (!existsSync(fileURLToPath(new URL('../../../node_modules/commander', import.meta.url))))
    end('the packages are missing: run npm ci first', 1)
  const [major = ''] = process.versions.node.split('.')
  if (Number(major) < NEEDED_MAJOR)
    end(
      `this is Node.js ${process.versions.node}, and ${NEEDED_MAJOR} or later is needed: npm ci brings it, for npm run`,
      1,
    )
  process.on('uncaughtException', (error) => {
    const line = lineOf(error)
    if (line === undefined || process.env.MIGRATE_IO_STACK) {
      console.error(error)
      process.exit(1)
    }
    end(line, isUsage(error) ? 2 : 1)
  })
}

/**
 * @param {unknown} error
 * @returns {string | undefined} undefined for a fault of the program
 */
function lineOf(error) {
  if (!(error instanceof Error)) return undefined
  // Of several that went wrong at once, the first is mostly the cause.
  if (error instanceof AggregateError && error.errors.length > 0) return lineOf(error.errors[0])
  const isBadPattern = error instanceof SyntaxError && error.message.startsWith('Invalid regular expression')
  if (isUsage(error) || isBadPattern) return error.message
  if (OWN_FAULTS.some((name) => error.name === name || error.constructor.name === name)) return undefined
  const { code, syscall = '', path = '' } = /** @type {NodeJS.ErrnoException} */ (error)
  if (code === 'ENOENT' && syscall.startsWith('spawn'))
    return `there is no program ${path}: install it, or add its folder to PATH`
  if (code === 'EPIPE') return 'what reads its output has gone'
  return error.message
}

/** @param {unknown} error */
function isUsage(error) {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

/**
 * @param {string} line
 * @param {number} code
 * @returns {never}
 */
function end(line, code) {
  process.stderr.write(`${process.env.npm_lifecycle_event ?? 'error'}: ${line}\n`)
  process.exit(code)
}
