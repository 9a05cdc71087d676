import type { Pod } from '../kube/objects.ts'
import { INIT_CONTAINER } from '../migration/names.ts'
import type { End } from './container-end.ts'
import type { Completed } from './record.ts'

/**
 * What is recorded of a success.
 * @param since when the lock was taken: the container was waiting before
 */
export function describeSuccess(
  pod: Pod,
  number: number,
  { startedAt, finishedAt }: Extract<End, { kind: 'success' }>,
  since: string | undefined,
): Completed {
  const status = pod.status?.initContainerStatuses?.find(({ name }) => name === INIT_CONTAINER)
  const started =
    [since, startedAt]
      .filter((time) => time !== undefined)
      .toSorted()
      .at(-1) ?? ''
  const seconds = Math.round((Date.parse(finishedAt ?? '') - Date.parse(started)) / 1000)
  return {
    pod: pod.metadata.name,
    image: status?.image ?? '',
    started,
    seconds: seconds > 0 ? seconds : 0,
    number,
  }
}
