import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Rollout } from './measure.ts'
import { svgOf } from './svg.ts'
import { VARIANT, VARIANTS } from './variants.ts'

/**
 * Writes `<variant>.svg` for the last restart of so many replicas, of each variant; all over the same time.
 * @param folder made where it is missing
 */
export function draw(folder: string, rollouts: readonly Rollout[], replicas: number): void {
  const shown = VARIANTS.flatMap(
    (variant) =>
      rollouts.findLast((one) => one.variant === variant && one.kind === 'restart' && one.replicas === replicas) ?? [],
  )
  const until = Math.max(...shown.map(({ seconds }) => seconds))
  mkdirSync(folder, { recursive: true })
  for (const { variant, seconds, bars } of shown) {
    const title = `${VARIANT[variant].title}: restart of ${replicas} replicas, done after ${seconds.toFixed(1)} s`
    writeFileSync(join(folder, `${variant}.svg`), svgOf({ title, bars, done: seconds, until }))
  }
}
