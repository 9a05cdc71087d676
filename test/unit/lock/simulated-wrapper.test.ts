import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { Choices } from '../../support/simulation/random.ts'
import {
  NOTHING_NOTED,
  SimulatedWrapper,
  type WrapperFiles,
  type WrapperState,
} from '../../support/simulation/wrapper.ts'
import { type Container, Pod, REVISION } from '../../support/wrapper/pod.ts'
import { DASH, missingShell } from '../../support/wrapper/shells.ts'

const HISTORIES = 200
const SHARES = 8
const GRANTS = [
  undefined,
  '',
  'run 1',
  'run 1',
  'run 2',
  'run 3',
  'run 03',
  'run',
  'wait 1',
  'wait 4',
  'skip',
  'run 2\nx',
]
/** Long enough to be there at the second look. */
const COMMANDS = { succeeds: 'exit 0', fails: 'exit 3', stays: 'while :; do sleep 0.1; done' } as const

type Action =
  | { readonly kind: 'files'; readonly files: WrapperFiles }
  | { readonly kind: 'kill' }
  | { readonly kind: 'wait out' }

/** How one instance of the container went: how it ended and what it left. */
interface Outcome {
  readonly code: number | 'killed'
  readonly message: string
}

describe('The simulated wrapper is the real one', { concurrency: SHARES }, () => {
  for (let share = 0; share < SHARES; share++)
    test(`L7, W9: random histories of files, kills and power losses end alike under dash, share ${share + 1} of ${SHARES}`, {
      skip: missingShell(DASH) ?? false,
    }, async (t) => {
      for (let i = share; i < HISTORIES; i += SHARES) await compare(t, i)
    })
})

/** Of those that the wrapper waits for something. */
const LONGER_THAN_ANY_LIMIT = 1_000

async function compare(t: TestContext, seed: number): Promise<void> {
  const choices = new Choices(seed + 1)
  const state: WrapperState = { ...NOTHING_NOTED }
  let boot = 1
  let seconds = 1_000
  const pod = new Pod(t, DASH)
  pod.loseState()
  let files = drawFiles(choices)
  for (let instance = 0; instance < 3; instance++) {
    const command = choices.of(Object.keys(COMMANDS) as (keyof typeof COMMANDS)[])
    const text = `echo ran >> ran; ${COMMANDS[command]}`
    pod.files.update(asFiles(files))
    // A clock that only "wait out" turns: a busy machine gives nothing back by itself.
    pod.turnClock(seconds)
    const real = pod.start({ command: ['/bin/sh', '-c', text], places: { uptime: pod.path('uptime') } })
    const simulated = new SimulatedWrapper(state, boot)
    const seen: string[] = []
    let end = settle(simulated, files, command)
    for (let step = 0; end === undefined; step++) {
      const action = drawAction(choices, step)
      seen.push(JSON.stringify(action))
      if (action.kind === 'files') {
        await real.untilSlept(2)
        files = action.files
        pod.files.update(asFiles(files))
        end = settle(simulated, files, command)
      } else if (action.kind === 'wait out') {
        await real.untilSlept(2)
        seconds += LONGER_THAN_ANY_LIMIT
        pod.turnClock(seconds)
        const result = simulated.waitOut(files)
        if (result.kind === 'exits') end = { code: result.code, message: simulated.message }
        // Too short a wait would show nothing where it is to wait for ever.
        else await real.untilSlept(4)
      } else {
        await real.untilSlept(2)
        real.signal('SIGKILL')
        end = { code: 'killed', message: simulated.message }
      }
    }
    if (end.code === 'killed' && end.message !== '') {
      await real.untilMessage(end.message)
      real.signal('SIGKILL')
    }
    assert.deepEqual(await outcomeOf(real), end, `seed ${seed}, instance ${instance}: ${seen.join(' ')}`)
    const noted = readdirSync(pod.state)
    const claimed = noted.filter((name) => name.startsWith('run-')).map((name) => Number(name.slice(4)))
    assert.equal(Math.max(0, ...claimed), state.claimed, `seed ${seed}: the numbers that it claimed`)
    assert.equal(noted.includes('skipped'), state.skipped, `seed ${seed}: that it was let through`)
    assert.equal(noted.includes(`boot-${boot}`), state.boot === boot, `seed ${seed}: that it has looked in this boot`)
    if (choices.chance(0.3)) {
      pod.boot(++boot)
      if (choices.chance(0.5)) {
        pod.loseState()
        Object.assign(state, NOTHING_NOTED)
      }
    }
  }
}

/** Until it waits, has ended, or is the command: that one ends by itself, or is killed. */
function settle(wrapper: SimulatedWrapper, files: WrapperFiles, command: keyof typeof COMMANDS): Outcome | undefined {
  let step = wrapper.look(files)
  while (step.kind === 'waits' && wrapper.isStarting) step = wrapper.look(files)
  if (step.kind === 'exits') return { code: step.code, message: wrapper.message }
  if (step.kind === 'waits') return undefined
  return { code: command === 'succeeds' ? 0 : command === 'fails' ? 3 : 'killed', message: wrapper.message }
}

async function outcomeOf(container: Container): Promise<Outcome> {
  const { code, signal } = await container.end()
  return { code: signal === 'SIGKILL' ? 'killed' : (code ?? -1), message: container.termination() }
}

function drawAction(choices: Choices, step: number): Action {
  // Some end is reached sooner or later.
  if (step > 4) return { kind: 'kill' }
  return choices.weighted<Action>([
    [4, { kind: 'files', files: drawFiles(choices) }],
    [1, { kind: 'wait out' }],
    [1, { kind: 'kill' }],
  ])
}

function drawFiles(choices: Choices): WrapperFiles {
  return {
    grant: choices.of(GRANTS),
    revision: choices.chance(0.9) ? REVISION : choices.of([undefined, '']),
    completed: choices.chance(0.12) ? '{"pod":"web-1"}' : choices.chance(0.1) ? '' : undefined,
  }
}

function asFiles({ grant, revision, completed }: WrapperFiles) {
  return { grant, revision, [`completed.${REVISION}`]: completed }
}
