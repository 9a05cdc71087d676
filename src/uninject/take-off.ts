import { KubeError } from '../kube/api.ts'
import { annotateDeploymentStatus } from '../kube/calls.ts'
import { bareOf, type InjectedDeployment, isInjected, ourAnnotations } from './injected.ts'
import type { UninjectTarget } from './inventory.ts'

const MAX_TRIES = 100 // a Deployment in a rollout is written several times a second, and a busy API server takes its time

/**
 * Takes all of ours off a Deployment in one update, which starts a rollout of it. Each update is a compare-and-swap.
 *
 * Where our webhook is configured and can't be asked, the API server refuses every update of a Deployment that has our
 * annotations or had them before. The annotations are then taken off through the status subresource first, about which no
 * webhook of ours is asked; the update after it has nothing of ours before or after it, and is let through.
 *
 * @throws KubeError: `forbidden`, refused by somebody (`invalid`), or the cluster can't be asked
 */
export async function takeOff(
  { api, transport }: Omit<UninjectTarget, 'namespace'>,
  { key, uid }: InjectedDeployment,
): Promise<'taken-off' | 'gone'> {
  let taken: Readonly<Record<string, string>> = {}
  let unanswered: KubeError | undefined
  let last: unknown
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const stored = await api.read('Deployment', key.namespace, key.deployment)
    if (stored === undefined || stored.metadata.uid !== uid || stored.metadata.deletionTimestamp !== undefined)
      return 'gone'
    if (!isInjected(stored)) return 'taken-off'
    const present = ourAnnotations(stored)
    taken = { ...taken, ...present }
    try {
      if (unanswered === undefined || Object.keys(present).length === 0) {
        await api.replace('Deployment', bareOf(stored, taken))
        return 'taken-off'
      }
      await annotateDeploymentStatus(transport, stored.metadata, nulls(present))
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      last = error
      if (error.code === 'conflict') continue
      if (unanswered !== undefined)
        throw new KubeError(error.code, `${unanswered.message}; and past the webhook: ${error.message}`, {
          cause: error,
        })
      if (error.code !== 'unavailable') throw error
      unanswered = error
    }
  }
  throw last
}

function nulls(annotations: Readonly<Record<string, string>>): Record<string, null> {
  return Object.fromEntries(Object.keys(annotations).map((key) => [key, null]))
}
