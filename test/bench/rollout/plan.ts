import { deployer } from './deploy.ts'
import { measure, type Rollout } from './measure.ts'
import type { Stage } from './stage.ts'
import { VARIANT, VARIANTS, type VariantName } from './variants.ts'

/** How much is measured. */
export interface Plan {
  readonly sizes: readonly number[]
  /** Of each variant at each size. */
  readonly restarts: (variant: VariantName, replicas: number) => number
  /** More small rollouts of ours for the latencies, so many Deployments at a time. */
  readonly series: { readonly deployments: number; readonly restarts: number; readonly replicas: number }
  /** How long a migration takes. */
  readonly seconds: number
  /** The size whose time lines are drawn. */
  readonly drawn: number
}

const SECONDS = 5

export const FULL: Plan = {
  sizes: [3, 10, 30],
  // P3 compares these at ten; the others are there to be looked at.
  restarts: (variant, replicas) => (replicas === 10 && ['ours', 'nowhere'].includes(VARIANT[variant].migrates) ? 7 : 1),
  series: { deployments: 4, restarts: 25, replicas: 2 },
  seconds: SECONDS,
  drawn: 10,
}

export const SHORT: Plan = {
  sizes: [3],
  restarts: () => 1,
  series: { deployments: 0, restarts: 0, replicas: 2 },
  seconds: SECONDS,
  drawn: 3,
}

/** Carries it out, one rollout at a time, but for the series. */
export async function carryOut(stage: Stage, plan: Plan, say: (text: string) => void): Promise<Rollout[]> {
  const rollouts: Rollout[] = []
  const note = (rollout: Rollout) => {
    const { variant, kind, replicas, seconds, runs } = rollout
    say(`${VARIANT[variant].title}, ${kind} of ${replicas}: ${seconds.toFixed(1)} s, ${runs} runs`)
    rollouts.push(rollout)
  }
  for (const replicas of plan.sizes) {
    const subjects = VARIANTS.map((variant) => ({
      ...{ variant, name: `${variant}-${replicas}`, replicas, seconds: plan.seconds },
      restarts: plan.restarts(variant, replicas),
    }))
    for (const subject of subjects) {
      note(await measure(stage, subject, { kind: 'creation' }))
      note(await measure(stage, subject, { kind: 'restart' }))
      if (subject.restarts === 1) await leave(stage, subject.name)
    }
    // In turn, so that whatever the machine does meanwhile meets all that are compared.
    const again = subjects.filter(({ restarts }) => restarts > 1)
    for (let count = 1; again.some(({ restarts }) => restarts > count); count++)
      for (const subject of again)
        if (subject.restarts > count) note(await measure(stage, subject, { kind: 'restart' }))
    for (const { name } of again) await leave(stage, name)
  }
  return rollouts
}

/** Rollouts of which only the latencies are used, since they disturb one another. */
export async function carryOutSeries(
  stage: Stage,
  { series, seconds }: Plan,
  say: (text: string) => void,
): Promise<Rollout[]> {
  const { deployments, restarts, replicas } = series
  const one = async (number: number) => {
    const subject = { variant: 'ours', name: `series-${number}`, replicas, seconds } as const
    const rollouts = [await measure(stage, subject, { kind: 'creation', isAlone: false })]
    for (let count = 0; count < restarts; count++)
      rollouts.push(await measure(stage, subject, { kind: 'restart', isAlone: false }))
    await leave(stage, subject.name)
    return rollouts.map((rollout): Rollout => ({ ...rollout, bars: [] }))
  }
  if (deployments > 0) say(`${restarts} restarts of ${deployments} small Deployments each, for the latencies`)
  return (await Promise.all(Array.from({ length: deployments }, (_, index) => one(index + 1)))).flat()
}

async function leave(stage: Stage, name: string): Promise<void> {
  const { remove, untilSettled } = deployer(stage)
  await remove(name)
  await untilSettled(name, 0)
}
