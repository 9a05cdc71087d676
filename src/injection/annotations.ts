import { INJECTED_ANNOTATION, PREFIX } from '../names.ts'
import { type Command, parseCommand } from './command.ts'
import type { StringMap } from './deployment.ts'
import { identify, nearest, type Problem, quote } from './reasons.ts'

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const MAX_RETRIES = 1000
const MAX_SECONDS = 168 * 3600 // a week: a migration that needs more wants another tool
const FORM = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/
export const DURATION_ALLOWED = 'whole hours, minutes and seconds such as 90s, 30m, 2h or 1h30m, from 1s to 168h'

/** What a user may say, by the name after `migrate.io/`. */
export interface Settings {
  readonly command?: readonly string[]
  readonly container?: string
  readonly strategy?: 'rolling' | 'keep'
  readonly lock?: string
  /** Seconds. */
  readonly timeout?: number
  readonly retries?: number
}

interface Annotation {
  readonly value: string
  readonly default: string
  readonly example: string
  /** Whether it shapes the injected container, so that changing it makes a new revision. */
  readonly shapesContainer: boolean
  /** The value, or what is wrong with it: what is allowed and what to do. */
  readonly parse: (text: string) => { readonly wrong: string } | { readonly value: Settings[keyof Settings] }
}

/** All annotations that a user may set, on the Deployment's own metadata. Reference page and help are made from this. */
export const ANNOTATIONS: { readonly [Name in keyof Required<Settings>]: Annotation } = {
  command: {
    value:
      "a shell command line, run by the image's /bin/sh -c; or a JSON array of strings, run without a second shell; up to 120 KiB",
    default: 'required: without it nothing is injected',
    example: 'flask db upgrade',
    shapesContainer: true,
    parse: (text) => {
      const command: Command = parseCommand(text)
      return 'wrong' in command ? command : { value: command.argv }
    },
  },
  container: {
    value: 'the name of the container whose image, env and mounts are used',
    default: 'kubectl.kubernetes.io/default-container of the template, else the first container',
    example: 'web',
    shapesContainer: true,
    parse: (text) =>
      text === '' ? { wrong: 'is empty; allowed: the name of a container of the pod template' } : { value: text },
  },
  strategy: {
    value:
      'rolling: maxSurge 1 and maxUnavailable 1 (0 for a single replica), whatever the manifest says; keep: never touched',
    default:
      'like rolling if the manifest states no strategy, or the 25 % and 25 % that Kubernetes fills in; any other stays',
    example: 'rolling',
    shapesContainer: false,
    parse: (text) =>
      text === 'rolling' || text === 'keep' ? { value: text } : { wrong: "isn't a strategy; allowed: rolling or keep" },
  },
  lock: {
    value:
      'the name of a shared lock, up to 63 lower case letters, digits and dashes: Deployments in a namespace that use the same name migrate one at a time',
    default: "the Deployment's own lock",
    example: 'orders-db',
    shapesContainer: false,
    parse: (text) =>
      DNS_LABEL.test(text)
        ? { value: text }
        : {
            wrong:
              "isn't a lock name; allowed: up to 63 lower case letters, digits and dashes, with no dash at either end",
          },
  },
  timeout: {
    value: 'how long one run may take, from 1s to 168h; then it gets TERM, 10 s later KILL, and counts as failed',
    default: 'none',
    example: '30m',
    shapesContainer: true,
    parse: (text) => {
      const seconds = parseDuration(text)
      return seconds === undefined ? { wrong: `isn't a duration; allowed: ${DURATION_ALLOWED}` } : { value: seconds }
    },
  },
  retries: {
    value: 'how often a failed run is retried for the same revision, from 0 to 1000',
    default: 'unlimited, first after 10 s, doubling up to 5 min',
    example: '3',
    shapesContainer: false,
    parse: (text) =>
      /^\d{1,4}$/.test(text) && Number(text) <= MAX_RETRIES
        ? { value: Number(text) }
        : { wrong: `isn't a number of retries; allowed: a whole number from 0 to ${MAX_RETRIES}` },
  },
}

const NAMES = Object.keys(ANNOTATIONS) as (keyof Settings)[]
export const SHAPING_NAMES = NAMES.filter((name) => ANNOTATIONS[name].shapesContainer)

/** Whether a key is one that a user of this program set, or meant to. */
export function isUserAnnotation(key: string): boolean {
  return key.startsWith(PREFIX) && key !== INJECTED_ANNOTATION
}

/** Reads all `migrate.io/` annotations. A setting with a problem is left out of `settings`. */
export function readSettings(annotations: StringMap | null | undefined): {
  readonly settings: Settings
  readonly problems: readonly Problem[]
} {
  const settings: Record<string, Settings[keyof Settings]> = {}
  const problems: Problem[] = []
  for (const key of Object.keys(annotations ?? {}).filter(isUserAnnotation)) {
    const text = annotations?.[key] ?? ''
    const name = key.slice(PREFIX.length)
    const path = `metadata.annotations[${key}]`
    if (!Object.hasOwn(ANNOTATIONS, name)) {
      problems.push({ reason: 'unknown-annotation', path, message: unknownText(name), identity: identify(path, text) })
      continue
    }
    const parsed = ANNOTATIONS[name as keyof Settings].parse(text)
    if ('wrong' in parsed)
      problems.push({
        reason: 'bad-value',
        path,
        message: `${quote(text)} ${parsed.wrong}`,
        identity: identify(path, text),
      })
    else settings[name] = parsed.value
  }
  return { settings: settings as Settings, problems }
}

function unknownText(name: string): string {
  const meant = nearest(name, NAMES)
  const allowed = NAMES.map((known) => PREFIX + known).join(', ')
  return `unknown annotation${meant === undefined ? '.' : `; did you mean ${PREFIX}${meant}?`} Allowed: ${allowed}`
}

/** Reads `90s`, `30m`, `2h`, `1h30m` as seconds; undefined where it is no such duration. */
export function parseDuration(text: string): number | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const seconds = Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)
  return seconds >= 1 && seconds <= MAX_SECONDS ? seconds : undefined
}
