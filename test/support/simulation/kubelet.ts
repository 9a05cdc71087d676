import type { Step } from './cluster.ts'
import type { SimulatedPod } from './pod.ts'
import type { Simulation } from './simulation.ts'

/** What kubelet and container of a pod may do next. In a fair run, what they do if nothing goes wrong. */
export function kubeletSteps(simulation: Simulation, pod: SimulatedPod): Step[] {
  const { time, isFair, choices } = simulation
  const { actual, name, object } = pod
  const steps: Step[] = []
  if (pod.isCutOff && isFair) return [[`the node of ${name} is back`, () => pod.cutOff(false)]]
  const isSlow = pod === simulation.raided && simulation.schedule.raid?.on === 'command'
  // Long enough that something else happens meanwhile.
  if (actual.kind === 'command' && (isFair || choices.chance(isSlow ? 0.01 : 0.08)))
    steps.push([
      `${name}: run ${actual.number} succeeds`,
      () => {
        simulation.judge.succeeded(pod)
        pod.end(0)
        simulation.judge.appStarts(pod)
      },
    ])
  if (actual.kind === 'wrapper' && !(pod.isDeleting && isFair))
    steps.push(['', () => simulation.applyStep(pod, actual.wrapper.look(pod.files))])
  if (pod.isCutOff || object === undefined) return steps

  if (pod.isDeleting) {
    if (actual.kind === 'wrapper' || (actual.kind === 'command' && !isFair && choices.chance(0.5)))
      steps.push([`${name} ends by its TERM`, () => pod.end(143)])
    if (actual.kind !== 'wrapper' && actual.kind !== 'command')
      steps.push([`${name} is gone`, () => simulation.server.remove('Pod', name, 'kubelet')])
  } else {
    if (actual.kind === 'pulling') steps.push([`${name} starts`, () => pod.start(time)])
    if (actual.kind === 'ended') steps.push([`${name} restarts`, () => pod.restart(time)])
    if (actual.kind === 'dead' && isFair)
      steps.push([`${name} is cleaned up`, () => simulation.server.remove('Pod', name, 'kubelet')])
  }
  if (pod.grantIsOld && actual.kind !== 'pulling')
    steps.push([`${name}: file becomes ${pod.grantNow ?? 'empty'}`, () => pod.updateGrant()])
  if (pod.recordIsOld && actual.kind !== 'pulling')
    steps.push([`${name}: record in the volume`, () => pod.updateRecord()])
  if (pod.statusIsOld) {
    const report: Step = [`${name} reports ${actual.kind}`, () => pod.report()]
    // Late, but sooner or later; in a fair run before anything else can follow.
    if (isFair) steps.unshift(report)
    else steps.push(report, report)
  }
  return steps
}
