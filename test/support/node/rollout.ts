import type { Place } from '../installation/place.ts'

const LIMIT = '300s'

/** Seconds from the call to the end of the rollout, as `kubectl rollout status` sees it. */
export async function timed(place: Place, deployment: string, call: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await call()
  await place.kubectl(['rollout', 'status', `deployment/${deployment}`, `--timeout=${LIMIT}`])
  return (performance.now() - from) / 1000
}
