import { isObject, type Json } from '../json.ts'
import { GRANT_ANNOTATION, NUDGE_ANNOTATION, PREFIX } from '../names.ts'
import type { Settings } from './annotations.ts'
import type { Container, PodTemplate } from './deployment.ts'

/**
 * What is allowed and probably not meant, a sentence each. Every one is well-founded: by a name or a command that is known,
 * not by a guess at what a program does.
 */

const WAITING_NAME = /^wait[-_](for[-_])?(\w+[-_])*migrations?$/
/** Also in docs/how-to/several-deployments-one-database.md. */
const WAITING_COMMANDS: readonly RegExp[] = [
  /\balembic current\b.*--check-heads\b/,
  /\bairflow db check-migrations\b/, // as the Helm chart of Apache Airflow has it
  /\b(manage\.py|django-admin) migrate\b.*--check\b/,
  /\bdb:abort_if_pending_migrations\b/, // Rails
  /\bwait[-_]for[-_](\w+[-_])*migrations?\b/,
  /\bkubectl wait\b.*\bjobs?(\.batch)?[ /].*migrat/,
]
/** A program that waits for a Job, or for others; its arguments say for which. */
const WAITING_IMAGE = /\bk8s-wait-for\b/

/** What of a script prepares or tells, and is no command that two places would have in common by more than chance. */
const BESIDE_THE_POINT =
  /^(cd|set|export|echo|printf|true|:|sleep|test|\[|\[\[|\.|source|umask|ulimit|exit|wait|if|then|else|fi|for|while|until|do|done|case|esac|\{|\})(\s|$)/

type Argv = NonNullable<Settings['command']>

/**
 * @param argv the command of `migrate.io/command`
 * @param template without the injected parts
 */
export function commandWarnings(argv: Argv, target: Container, template: PodTemplate): readonly string[] {
  const twice = waitsForMigrations(argv) ? [] : [...leftIn(argv, template), ...waitsBefore(template)]
  return [...lostVariables(target), ...unexpanded(argv, target), ...twice]
}

/** Annotations that only count on the Deployment itself. What the controller tells single pods is refused there, and so not warned of. */
export function misplacedWarnings(template: PodTemplate): readonly string[] {
  return Object.keys(template.metadata?.annotations ?? {})
    .filter((key) => key.startsWith(PREFIX) && key !== GRANT_ANNOTATION && key !== NUDGE_ANNOTATION)
    .map(
      (key) =>
        `spec.template.metadata.annotations[${key}] has no effect: it belongs under the Deployment's own metadata.annotations`,
    )
}

/** Names that are no identifiers: dash and busybox, which run the wrapper in most images, do not pass them on. */
function lostVariables(target: Container): readonly string[] {
  const lost = variablesOf(target).filter((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  if (lost.length === 0) return []
  return [
    `the shells of many images drop variables whose names aren't identifiers, so the migration may lack ${lost.join(', ')}`,
  ]
}

/**
 * `$(NAME)` as Kubernetes expands it in `command` and `args` of a container, but not here: a shell runs a program of that
 * name. Which variables `envFrom` brings can't be known, so it counts only where no shell could give the text a meaning.
 */
function unexpanded(argv: Argv, target: Container): readonly string[] {
  const text = argv.join('\n')
  if (!text.includes('$(')) return []
  const isShell = scriptOf(argv) !== undefined
  const known = new Set(variablesOf(target))
  const mayBeVariable = (name: string) =>
    !isShell && listOf(target['envFrom']).length > 0 && /^[A-Z][A-Z0-9_]*$/.test(name)
  const names = [...text.matchAll(/(?<!\$)\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g)]
    .map(([, name = '']) => name)
    .filter((name) => known.has(name) || mayBeVariable(name))
  const [first] = names
  if (first === undefined) return []
  const seen = [...new Set(names)].map((name) => `$(${name})`).join(', ')
  const remedy = isShell
    ? `the shell takes it for a program to run. To use the variable, write $${first}`
    : `the program gets it as it stands. To use the variable, write a command line with "$${first}" in it, or ["/bin/sh","-c","… $${first} …"]`
  return [`${PREFIX}command has ${seen}, which Kubernetes does not expand in an annotation: ${remedy}`]
}

/** The same command, where it stood before migrate.io ran it: it would go on running in each pod. */
function leftIn(argv: Argv, template: PodTemplate): readonly string[] {
  const running = containersOf(template)
    .map((each) => ({ ...each, argv: argvOf(each.container) }))
    .filter((each) => each.argv.length > 0)
  // Of most templates: their images say what they run.
  if (running.length === 0) return []
  const own = linesOf(argv)
  if (own.length === 0) return []
  return running.flatMap(({ path, container, argv: theirs }) => {
    const lines = new Set(linesOf(theirs))
    if (!own.every((line) => lines.has(line))) return []
    return [
      `${path} (${container.name}) also runs the command of ${PREFIX}command, in each pod: remove it there, since migrate.io runs it once per revision`,
    ]
  })
}

/** Whether a command only waits until something else has migrated the database. */
export function waitsForMigrations(argv: Argv): boolean {
  const text = argv.join(' ')
  return WAITING_COMMANDS.some((pattern) => pattern.test(text))
}

/** An init container that ends only when the database is migrated: the injected one comes after all others, so never. */
function waitsBefore(template: PodTemplate): readonly string[] {
  return containersOf(template).flatMap(({ path, container, isInit }) => {
    if (!isInit || container['restartPolicy'] === 'Always') return []
    const argv = argvOf(container)
    const image = typeof container['image'] === 'string' ? container['image'] : ''
    const isWaiting =
      WAITING_NAME.test(container.name) ||
      waitsForMigrations(argv) ||
      (WAITING_IMAGE.test(image) && /\bjob.*migrat/.test(argv.join(' ')))
    if (!isWaiting) return []
    return [
      `${path} (${container.name}) seems to wait until the database is migrated, but it runs before the injected container, which migrates it: remove it, or the pod may wait forever`,
    ]
  })
}

/** The program of a shell that is given its script, and the script; undefined for any other program. */
function scriptOf(argv: Argv): string | undefined {
  const [program = '', flag = '', ...rest] = argv
  if (!/(^|\/)(ba|da|a|k|z)?sh$/.test(program) || !/^-[a-z]*c$/.test(flag)) return undefined
  return rest[0] === '--' ? rest[1] : rest[0]
}

/**
 * The commands that an argv runs, each in a form in which those of one meaning mostly agree: as words with one space
 * between them, without quotes, without the folder of the program.
 */
function linesOf(argv: Argv): readonly string[] {
  const script = scriptOf(argv)
  const lines = script === undefined ? [argv.join(' ')] : script.split(/&&|\|\||[;\n]/)
  return lines
    .map((line) =>
      line
        .replace(/["'\\]/g, '')
        .replace(/\$[({](\w+)[)}]/g, '$$$1')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && !BESIDE_THE_POINT.test(line))
    .map((line) => line.replace(/^exec /, '').replace(/^\S*\//, ''))
}

function argvOf(container: Container): Argv {
  return [...listOf(container['command']), ...listOf(container['args'])].filter((item) => typeof item === 'string')
}

function variablesOf(container: Container): readonly string[] {
  return listOf(container['env'])
    .map((item) => (isObject(item) ? item['name'] : undefined))
    .filter((name) => typeof name === 'string')
}

function containersOf({ spec }: PodTemplate) {
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, i) => ({
      path: `spec.template.spec.${list}[${i}]`,
      container,
      isInit: list === 'initContainers',
    })),
  )
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
