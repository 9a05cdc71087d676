import { isObject, type Json } from '../json.ts'

/** Linux allows 128 KiB for one argument, with its closing zero; the rest is for what stands around it. */
const MAX_ARGUMENT_BYTES = 120 * 1024

const ALLOWED =
  'allowed: a shell command line such as flask db upgrade, or a JSON array of strings such as ["flask","db","upgrade"]'

/** What `migrate.io/command` says, as arguments for exec; or what is wrong with it. */
export type Command = { readonly argv: readonly string[] } | { readonly wrong: string }

/** Reads the value of `migrate.io/command`. */
export function parseCommand(value: string): Command {
  const argv = readArgv(value)
  if (typeof argv === 'string') return { wrong: argv }
  const longest = Math.max(...argv.map((argument) => Buffer.byteLength(argument)))
  if (longest > MAX_ARGUMENT_BYTES)
    return {
      wrong: `has ${longest} bytes; allowed: ${MAX_ARGUMENT_BYTES} bytes (120 KiB), since Linux doesn't accept longer arguments. Put the command into a script in the image and run that`,
    }
  if (argv.some((argument) => argument.includes('\0')))
    return { wrong: "contains a zero byte, which can't be passed to a program" }
  return { argv }
}

function readArgv(value: string): readonly string[] | string {
  if (value.trim() === '') return `is empty; ${ALLOWED}`
  const json = asJson(value)
  // `--`, since a command line may begin with a dash.
  if (json === undefined) return ['/bin/sh', '-c', '--', value]
  if (!Array.isArray(json)) return `is JSON, but isn't an array of strings; ${ALLOWED}`
  const argv: string[] = []
  for (const item of json) {
    if (typeof item !== 'string') return `is a JSON array, but not of strings only; ${ALLOWED}`
    argv.push(item)
  }
  if (argv.length === 0) return `is an empty JSON array; ${ALLOWED}`
  if (argv[0] === '') return `is a JSON array whose first string, the program to run, is empty; ${ALLOWED}`
  return argv
}

/**
 * The array or object that the value is meant to be as JSON; undefined for a shell command line. `[ -f x ] && y` and
 * `[[ -f x ]] && y` are command lines, `["flask",]` is broken JSON: no program is called `["flask",]`.
 */
function asJson(value: string): Json | undefined {
  const text = value.trim()
  if (!text.startsWith('[') && !text.startsWith('{')) return undefined
  try {
    const json = JSON.parse(text) as Json
    return Array.isArray(json) || isObject(json) ? json : undefined
  } catch {
    return /^(\[\[?|\{)\s/.test(text) ? undefined : {}
  }
}

/**
 * Text such that Kubernetes' own expansion of `$(NAME)` and `$$` in `command` and `args` gives back `text`, whatever
 * variables there are. A run of `$` is doubled where it is longer than one or stands before `(`, and nowhere else, so
 * that a script stays readable. Rule: kubernetes/third_party/forked/golang/expansion.
 */
export function escapeExpansion(text: string): string {
  return text.replace(/\${2,}|\$(?=\()/g, (run) => run + run)
}
