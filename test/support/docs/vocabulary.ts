import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { programAs } from '../../../src/cli/program.ts'
import { EVENT_REASONS } from '../../../src/controller/events.ts'
import { PodIndex } from '../../../src/controller/pod-index.ts'
import { STUCK_REASONS } from '../../../src/controller/stuck-rollouts.ts'
import { ANNOTATIONS } from '../../../src/injection/annotations.ts'
import * as names from '../../../src/names.ts'
import { createControllerMetrics } from '../../../src/observability/controller-metrics.ts'
import { LockGauges } from '../../../src/observability/lock-gauges.ts'
import { createWebhookMetrics } from '../../../src/observability/webhook-metrics.ts'
import { allowedAt } from '../tooling/pages/chart-schema.ts'
import { root } from '../tooling/root.ts'
import type { Page } from './markdown.ts'

/** What pages may speak of: all of it from the source. */

const program = programAs('migrate-io')
const COMMANDS = new Map<string, Command>(program.commands.map((command) => [command.name(), command]))

const KEYS = new Set([
  ...Object.keys(ANNOTATIONS).map((name) => names.PREFIX + name),
  ...Object.values(names).filter((value) => typeof value === 'string' && value.startsWith(names.PREFIX)),
])

const METRICS = new Set(
  [
    createControllerMetrics({
      version: '',
      watchedPods: () => 0,
      queuedLocks: () => 0,
      lockGauges: new LockGauges(new PodIndex()),
      stuckReasons: Object.keys(STUCK_REASONS),
    }),
    createWebhookMetrics({ version: '', isReady: () => true }),
  ].flatMap((metrics) => metrics.describe().map(({ name }) => name)),
)
/** What Prometheus adds to the name of a histogram. */
const SUFFIX = /_(bucket|sum|count)$/

const SCRIPTS = (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> })
  .scripts

/** An Event's reason, by the words that ours begin with; others of CamelCase are Kubernetes' own. */
const REASON = new RegExp(
  `(?<![\\w.])(?:${[...new Set([...Object.keys(EVENT_REASONS), ...Object.values(STUCK_REASONS)].map(firstWord))].join('|')})[A-Z][A-Za-z]+`,
  'g',
)
/** CamelCase that begins like a reason of ours, and is a thing of Kubernetes. */
const OF_KUBERNETES = new Set(['ProgressDeadlineExceeded', 'PermissionDenied', 'ImagePullBackOff'])

/** Options of other programs that pages speak of: kubectl, Helm, npm, Alembic, and this project's own tools. */
const OF_OTHERS = new Set([
  '--wait',
  '--force-conflicts',
  '--values',
  '--set',
  '--check-heads',
  '--copy-to',
  '--keep-init-containers',
  '--keep-labels',
])

/** What the pages about the design may name before it is built. */
const PLANNED: ReadonlySet<string> = new Set(['migrate.io/running', 'migrate.io/init-container', 'migrate.io/shell'])
const ABOUT_PLANS = ['docs/design.md', 'docs/requirements.md']

/** What a page speaks of that the source does not have, with what it is taken for. */
export function unknownIn({ path, text }: Page): readonly string[] {
  return [
    ...unknownKeys(text, ABOUT_PLANS.includes(path) ? PLANNED : new Set()),
    ...unknownMetrics(text),
    ...unknownReasons(text),
    ...unknownOptions(text),
    ...unknownScripts(text),
    ...unknownValues(text),
    ...strayOptions(text),
  ]
}

function unknownKeys(text: string, planned: ReadonlySet<string>): readonly string[] {
  // Not a path of files in a container, nor an image.
  const found = text.match(/(?<![\w/.-])migrate\.io\/[a-z](?:[\w-]*\w)?/g) ?? []
  return found.filter((key) => !KEYS.has(key) && !planned.has(key)).map((key) => `annotation or label ${key}`)
}

function unknownMetrics(text: string): readonly string[] {
  const found = text.match(/\bmigrate_io_[a-z_]+[a-z]/g) ?? []
  return found
    .filter((name) => !METRICS.has(name) && !METRICS.has(name.replace(SUFFIX, '')))
    .map((name) => `metric ${name}`)
}

function unknownReasons(text: string): readonly string[] {
  const found = text.match(REASON) ?? []
  return found
    .filter((name) => !Object.hasOwn(EVENT_REASONS, name) && !OF_KUBERNETES.has(name))
    .map((name) => `Event ${name}`)
}

/** Commands of ours in code, each with its options up to the end of the command. */
function unknownOptions(text: string): readonly string[] {
  const calls = [...text.matchAll(/(?<![\w/.-]|-n |--namespace )migrate-io ([a-z]+)((?: [^\s`|&;#]+)*)/g)]
  return calls.flatMap(([, name = '', rest = '']) => {
    const command = COMMANDS.get(name)
    const options = rest.match(/(?<= )--?[a-zA-Z][\w-]*/g) ?? []
    if (command === undefined) return options.length === 0 ? [] : [`command migrate-io ${name}`]
    return options.filter((option) => !has(command, option)).map((option) => `option migrate-io ${name} ${option}`)
  })
}

function has(command: Command, option: string): boolean {
  return option === '--help' || command.options.some(({ long, short }) => long === option || short === option)
}

function unknownScripts(text: string): readonly string[] {
  const found = [...text.matchAll(/\bnpm run (?:-s |--silent )?([a-z][\w:-]*)/g)].map(([, name]) => name ?? '')
  return found.filter((name) => !Object.hasOwn(SCRIPTS, name)).map((name) => `npm script ${name}`)
}

/** What `helm --set` is given. */
function unknownValues(text: string): readonly string[] {
  const found = [...text.matchAll(/--set ['"]?([a-z][\w.]*)=/g)].map(([, path]) => path ?? '')
  return found.filter((path) => !isValue(path)).map((path) => `chart value ${path}`)
}

function isValue(path: string): boolean {
  try {
    allowedAt(path)
    return true
  } catch {
    return false
  }
}

/** Options by themselves, as code. */
function strayOptions(text: string): readonly string[] {
  const ours = new Set([...COMMANDS.values()].flatMap(({ options }) => options.map(({ long }) => long)))
  const found = [...text.matchAll(/`(--[a-z][\w-]*)`/g)].map(([, option]) => option ?? '')
  return found.filter((option) => !ours.has(option) && !OF_OTHERS.has(option)).map((option) => `option ${option}`)
}

function firstWord(name: string): string {
  return /^[A-Z][a-z]+/.exec(name)?.[0] ?? name
}
