import type { ConfigMap } from '../../../src/kube/objects.ts'
import { lockConfigMapName, namedLockConfigMapName, PREFIX } from '../../../src/names.ts'
import type { Step } from './cluster.ts'
import type { SimulatedPod } from './pod.ts'
import type { Fault } from './schedule.ts'
import { LOCK, type Simulation } from './simulation.ts'

export interface Faults {
  readonly name: string
  readonly steps: readonly Step[]
}

const EDITOR = 'kubectl-edit'

/**
 * The ways in which one kind of thing can go wrong just now.
 * @param aim the pod that it befalls, or whose Deployment
 */
export function faultSteps(simulation: Simulation, fault: Fault, aim?: SimulatedPod): Faults {
  return { name: fault, steps: stepsOf(simulation, fault, aim) }
}

function stepsOf(simulation: Simulation, fault: Fault, aim?: SimulatedPod): readonly Step[] {
  const { cluster, server, choices, time } = simulation
  const name = aim?.deployment ?? choices.of(simulation.deployments)
  const pods = (aim === undefined ? cluster.pods : [aim]).filter((pod) => pod.object !== undefined && !pod.isCutOff)
  const each = (which: (pod: SimulatedPod) => boolean, text: string, change: (pod: SimulatedPod) => void): Step[] =>
    pods.filter(which).map((pod) => [`${pod.name} ${text}`, () => change(pod)])
  const busy = (pod: SimulatedPod) => pod.actual.kind === 'wrapper' || pod.actual.kind === 'command'
  switch (fault) {
    case 'crash':
      return crashes(simulation)
    case 'no-answer':
      return lostAnswers(simulation)
    case 'pause':
      return simulation.controllers
        .filter(({ sent }) => sent !== undefined)
        .map((controller): Step => ['', () => simulation.pause(controller)])
    case 'command-fails':
      return each(
        ({ actual }) => actual.kind === 'command',
        'fails',
        (pod) => (choices.chance(0.8) ? pod.end(1) : pod.end(124, `run ${numberOf(pod)} timeout`)),
      )
    case 'kill':
      return each(busy, 'is killed', (pod) => {
        simulation.note(`   while it is ${pod.actual.kind}`, `killed as ${pod.actual.kind}`)
        pod.end(137)
      })
    case 'pod-deleted':
      return pods.filter((pod) => !pod.isDeleting).map((pod) => cluster.deletePod(pod))
    case 'pod-vanishes':
      return each(
        () => true,
        'vanishes with its node',
        (pod) => {
          pod.actual = { kind: 'dead' }
          server.remove('Pod', pod.name, 'kubernetes')
        },
      )
    case 'pod-evicted':
      return each(
        ({ actual }) => actual.kind !== 'dead',
        'is evicted',
        (pod) => pod.fail(),
      )
    case 'node-cut-off':
      return cluster.pods
        .filter((pod) => pod.object !== undefined)
        .map((pod) => [
          `the node of ${pod.name} is ${pod.isCutOff ? 'back' : 'cut off'}`,
          () => pod.cutOff(!pod.isCutOff),
        ])
    case 'node-restarts':
      return each(
        ({ actual, isDeleting }) => !['pulling', 'dead'].includes(actual.kind) && !isDeleting,
        'and its node restart',
        (pod) => pod.reboot(time),
      )
    case 'power-loss':
      return each(
        ({ actual, isDeleting }) => !['pulling', 'dead'].includes(actual.kind) && !isDeleting,
        "and its node's power fail",
        (pod) => pod.losePower(time, () => choices.chance(0.7)),
      )
    case 'old-files':
      return each(
        ({ olderGrants, actual }) => olderGrants.length > 0 && actual.kind === 'wrapper',
        'has old files again',
        (pod) => pod.goBackTo(choices.of(pod.olderGrants)),
      )
    case 'status-made-up':
      return each(
        ({ actual }) => actual.kind === 'done',
        'has its ended container removed',
        (pod) => pod.prune(),
      )
    case 'phase-made-up':
      return cluster.pods
        .filter((pod) => pod.isCutOff && pod.object !== undefined)
        .map((pod) => [
          `pod garbage collection writes ${pod.name} Failed`,
          () => {
            const { object } = pod
            if (object === undefined) return
            server.update('Pod', { ...object, status: { ...object.status, phase: 'Failed' } }, 'kubernetes')
            pod.forgetReport()
          },
        ])
    case 'new-revision': {
      const next = String.fromCharCode(cluster.revisionOf(name).charCodeAt(0) + 1)
      return next > 'd' ? [] : [[`${name} becomes revision ${next}`, () => cluster.setRevision(name, next)]]
    }
    case 'earlier-revision':
      return [[`${name} goes back to revision a`, () => cluster.setRevision(name, 'a')]]
    case 'scaled': {
      const replicas = choices.below(4)
      return [[`${name} is scaled to ${replicas}`, () => cluster.scale(name, replicas)]]
    }
    case 'deployment-deleted':
    case 'deployment-orphaned':
      if (server.get('Deployment', name) === undefined)
        return [[`${name} is created again`, () => cluster.recreate(name)]]
      return [[`${name} is deleted`, () => cluster.delete(name, fault === 'deployment-orphaned')]]
    case 'record-deleted':
      return removal(simulation, lockConfigMapName(name))
    case 'lock-deleted':
      return removal(simulation, namedLockConfigMapName(LOCK))
    case 'record-edited':
      return edits(simulation, lockConfigMapName(name))
    case 'lock-edited':
      return edits(simulation, namedLockConfigMapName(LOCK))
    case 'entry-removed':
      return edit(simulation, lockConfigMapName(name), 'without its entries', (data) =>
        Object.fromEntries(Object.entries(data).filter(([key]) => !key.includes('.'))),
      )
    case 'lock-renamed': {
      const lock = choices.of([LOCK, 'other', undefined])
      return [[`${name} names lock ${lock ?? 'none'}`, () => cluster.annotate(name, `${PREFIX}lock`, lock)]]
    }
    case 'message-overwritten':
      return each(
        ({ actual }) => actual.kind === 'command' && actual.hasOverwritten !== true,
        'overwrites its run number',
        (pod) => pod.overwriteMessage(),
      )
    case 'retries':
      return [[`${name} is retried once`, () => cluster.annotate(name, `${PREFIX}retries`, '1')]]
  }
}

/** A wrapper with a time limit is still there at the end, and says it anew. */
function numberOf({ actual }: SimulatedPod): number {
  return actual.kind === 'command' ? actual.number : 0
}

function crashes(simulation: Simulation): readonly Step[] {
  return simulation.controllers
    .filter(({ sent }) => sent !== undefined)
    .map((controller) => [
      `${controller.name} crashes at: ${controller.sent?.call.text}`,
      () => {
        const { sent } = controller
        if (sent?.call.isWrite === true)
          simulation.note('', sent.outcome === undefined ? 'crash before a write' : 'crash after a write')
        const call = controller.crash()
        if (call?.isWrite === true && simulation.choices.chance(0.5)) simulation.strayCalls.push(call)
        controller.relist()
      },
    ])
}

function lostAnswers(simulation: Simulation): readonly Step[] {
  const late = simulation.strayCalls.map(
    (call, i): Step => [
      'a call that was under way arrives',
      () => {
        simulation.strayCalls.splice(i, 1)
        simulation.deliverStray(call)
      },
    ],
  )
  return late.length > 0 && simulation.choices.chance(0.3) ? late : loseOne(simulation)
}

function loseOne(simulation: Simulation): readonly Step[] {
  return simulation.controllers
    .filter(({ sent }) => sent !== undefined)
    .map(
      (controller): Step => [
        `${controller.name} gets no answer to: ${controller.sent?.call.text}`,
        () => {
          const { sent } = controller
          const isCarriedOut = sent?.outcome !== undefined || simulation.choices.chance(0.5)
          if (sent?.call.isWrite === true)
            simulation.note('', isCarriedOut ? 'answer to a write lost' : 'write lost on its way')
          controller.carryOut(!isCarriedOut)
          simulation.later.push(controller.answer(isCarriedOut))
        },
      ],
    )
}

function removal({ server }: Simulation, name: string): readonly Step[] {
  if (server.get('ConfigMap', name) === undefined) return []
  return [[`somebody deletes ${name}`, () => server.remove('ConfigMap', name, EDITOR)]]
}

type Data = Readonly<Record<string, string>>

function edit({ server }: Simulation, name: string, what: string, change: (data: Data) => Data): readonly Step[] {
  const configMap: ConfigMap | undefined = server.get('ConfigMap', name)
  if (configMap === undefined) return []
  return [
    [
      `somebody edits ${name}: ${what}`,
      () => server.update('ConfigMap', { ...configMap, data: change(configMap.data ?? {}) }, EDITOR),
    ],
  ]
}

/** By hand, or by bringing back a backup. */
function edits(simulation: Simulation, name: string): readonly Step[] {
  const earlier = simulation.server.dataHistory.get(name) ?? []
  const holders = earlier.map((data) => data['holder'] ?? '')
  return [
    ...edit(simulation, name, 'no holder', ({ holder: _, ...data }) => data),
    ...edit(simulation, name, 'free', (data) => ({
      ...data,
      holder:
        data['turn'] === undefined
          ? `free since run ${data['number']}`
          : `free since turn ${data['turn']}, 2026-01-01T00:00:00Z`,
    })),
    ...edit(simulation, name, 'nothing at all', () => ({})),
    ...edit(simulation, name, 'junk', (data) => ({ ...data, holder: '{"pod":' })),
    ...edit(simulation, name, 'a lower number', (data) => ({ ...data, number: '0', turn: '1' })),
    ...(holders.length === 0
      ? []
      : edit(simulation, name, 'an earlier holder', (data) => ({ ...data, holder: simulation.choices.of(holders) }))),
    ...(earlier.length === 0 ? [] : edit(simulation, name, 'as it once was', () => simulation.choices.of(earlier))),
  ]
}
