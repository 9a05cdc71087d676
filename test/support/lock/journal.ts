import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { busyboxImage } from '../cluster/images/images.ts'
import type { Manifest } from '../installation/deployment.ts'
import { app } from '../node/app.ts'
import { until } from '../until.ts'
import { lendFlock } from './kernel-lock.ts'

/** A line that a container wrote itself. `end`: the command is about to exit with the code. */
export interface Entry {
  readonly what: 'start' | 'end' | 'overlap' | 'app'
  readonly pod: string
  /** Of the pod, by its name. */
  readonly replicaSet: string
  readonly exitCode: number | undefined
}

export interface MigrationOptions {
  /** The command's own part. Default: true. */
  readonly does?: string
  readonly replicas?: number
  /** What makes a revision: the value of an env variable. Default: 1. */
  readonly revision?: number | string
  /** More annotations, by their name after `migrate.io/`. */
  readonly settings?: Record<string, string>
  readonly graceSeconds?: number
  /** Anything else. */
  readonly change?: (manifest: Manifest) => void
}

/**
 * What all containers of a test write into, and the judge of whether two runs overlap. That is not a comparison of
 * times: each run takes a lock of the kernel, which lasts exactly as long as a process of the run lives, however it ends.
 */
export interface Journal {
  entries(): readonly Entry[]
  /** Of one Deployment, where one is named. */
  starts(deployment?: string): readonly Entry[]
  /** The entry, once it is there. */
  untilEntry(describe: string, accept: (entry: Entry) => boolean, limitMs?: number): Promise<Entry>
  /** The start of run number `count`, from 1, once it is there. */
  untilRun(count: number, limitMs?: number): Promise<Entry>
  /** No two runs at a time, and no app before its own revision's success (promises 1 and 3). */
  assertInOrder(): void
  /** A Deployment whose migration and app write here. */
  deployment(name: string, options?: MigrationOptions): Manifest
}

const LIMIT_MS = 120_000
const MOUNT = '/journal'
/** The name of a pod of a Deployment is the ReplicaSet's and five characters. */
const LINE = /^(start|end|overlap|app) ((\S+)-[^-\s]+)(?: (\d+))?$/

const image = await busyboxImage()

/** The image that its Deployments need. */
export const journalImage = image.file

/** To be called in a test or a suite. */
export function openJournal(): Journal {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-journal-'))
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  const flock = lendFlock(folder, MOUNT)
  const file = join(folder, 'log')
  const entries = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(parse) : [])
  return {
    entries,
    starts: (deployment) =>
      entries().filter(({ what, replicaSet }) => what === 'start' && isOf(replicaSet, deployment ?? '')),
    untilEntry: (describe, accept, limitMs = LIMIT_MS) =>
      until(describe, () => entries().find(accept), { limitMs, intervalMs: 20 }),
    untilRun: (count, limitMs = LIMIT_MS) =>
      until(`run number ${count} starts`, () => entries().filter(({ what }) => what === 'start')[count - 1], {
        limitMs,
        intervalMs: 20,
      }),
    assertInOrder() {
      const all = entries()
      const text = JSON.stringify(all.map(({ what, pod, exitCode }) => [what, pod, exitCode ?? ''].join(' ').trim()))
      assert.ok(!all.some(({ what }) => what === 'overlap'), `no overlap: ${text}`)
      for (const [at, { what, replicaSet }] of all.entries())
        if (what === 'app')
          assert.ok(
            all.slice(0, at).some((end) => end.what === 'end' && end.exitCode === 0 && end.replicaSet === replicaSet),
            `the app of ${replicaSet} starts after its migration: ${text}`,
          )
    },
    deployment(name, options = {}) {
      const { does = 'true', replicas = 1, revision = 1, settings = {}, graceSeconds = 30, change } = options
      const manifest = app(name, {
        image: image.name,
        command: commandOf(does, flock),
        settings,
        change(spec, container) {
          spec['terminationGracePeriodSeconds'] = graceSeconds
          spec['volumes'] = [{ name: 'journal', hostPath: { path: folder, type: 'Directory' } }]
          container.volumeMounts = [{ name: 'journal', mountPath: MOUNT }]
          container.env = [{ name: 'REVISION', value: String(revision) }]
          const [shell = 'sh', flag = '-c', script = ''] = container.command ?? []
          container.command = [shell, flag, `${note('app', '')}; ${script}`]
        },
      })
      manifest.spec.replicas = replicas
      change?.(manifest)
      return manifest
    },
  }
}

function note(what: string, more: string): string {
  return `echo "${what} $(hostname)${more}" >> ${MOUNT}/log`
}

/** Descriptor 9 is inherited by whatever the command starts, so the kernel's lock is free when all of it has ended. */
function commandOf(does: string, flock: string): string {
  return [
    `exec 9>> ${MOUNT}/lock`,
    `${flock} -n 9 || ${note('overlap', '')}`,
    note('start', ''),
    `(${does})`,
    'code=$?',
    note('end', ' $code'),
    'exit $code',
  ].join('\n')
}

function parse(line: string): Entry {
  const [, what, pod, replicaSet, exitCode] = LINE.exec(line) ?? []
  if (what === undefined || pod === undefined || replicaSet === undefined) throw new Error(`a line says: ${line}`)
  return {
    what: what as Entry['what'],
    pod,
    replicaSet,
    exitCode: exitCode === undefined ? undefined : Number(exitCode),
  }
}

function isOf(replicaSet: string, deployment: string): boolean {
  return deployment === '' || replicaSet.slice(0, replicaSet.lastIndexOf('-')) === deployment
}
