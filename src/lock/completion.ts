import type { Pod } from '../kube/objects.ts'
import { type End, statusOf } from './pod-state.ts'
import type { Completed } from './record.ts'

/**
 * What is recorded of a success.
 * @param since when the lock was taken: the container was waiting before
 * @param platform of its node, where it is known
 */
export function describeSuccess(
  pod: Pod,
  number: number,
  { startedAt, finishedAt }: Extract<End, { kind: 'success' }>,
  since: string | undefined,
  platform?: string,
): Completed {
  const started =
    [since, startedAt]
      .filter((time) => time !== undefined)
      .toSorted()
      .at(-1) ?? ''
  const seconds = Math.round((Date.parse(finishedAt ?? '') - Date.parse(started)) / 1000)
  const { image = '', imageID } = statusOf(pod) ?? {}
  return {
    pod: pod.metadata.name,
    image,
    ...(imageID && platform !== undefined && { imageID, platform }),
    started,
    seconds: seconds > 0 ? seconds : 0,
    number,
  }
}
