import { standing } from '../lock/fence.ts'
import { lockConfigMapName } from '../names.ts'
import { span } from './age.ts'
import { runOf } from './judge-run.ts'
import { type Release, releaseOfPod } from './pod-release.ts'
import type { Situation } from './situation.ts'

/**
 * What a person may do about the own lock of a Deployment.
 *
 * | its ConfigMap                | a pod                    |                                      |
 * | ---------------------------- | ------------------------ | ------------------------------------ |
 * | names a holder               |                          | by the holder's pod                  |
 * | names none                   |                          | free                                 |
 * | edited, or somebody else's   |                          | wait                                 |
 * | missing                      | may be running           | wait                                 |
 * | missing                      | none may be              | free                                 |
 */
export function releaseOf(situation: Situation): Release {
  const { read, pods, node, controller, facts, now } = situation
  const { name, namespace } = facts.deployment.metadata
  switch (read?.kind) {
    case 'foreign':
      return foreign(lockConfigMapName(name), namespace)
    case 'edited':
      return {
        kind: 'wait',
        says: [
          'Somebody wrote into the record of the lock: the controller finds out anew from the pods who holds it. Until then it is not free.',
        ],
      }
    case undefined: {
      const running = pods.find(({ pod }) => standing(pod) === 'running')
      return running === undefined ? FREE : recordLost(running.pod.metadata.name, lockConfigMapName(name))
    }
    case 'record': {
      const run = runOf(situation)
      if (run === undefined) return FREE
      const holds = `Pod ${run.pod} holds the lock, as run ${run.number} of revision ${run.revision}, since ${span(now - Date.parse(run.since))}.`
      const pod = pods.find((each) => each.pod.metadata.uid === run.uid)?.pod
      return releaseOfPod({ run, holds, pod, node, controller, now })
    }
  }
}

const FREE: Release = { kind: 'free', says: ['The lock is free.'] }

/** The controller leaves such a ConfigMap alone, and so does `unlock`. */
export function foreign(configMap: string, namespace: string): Release {
  return {
    kind: 'wait',
    says: [
      `A ConfigMap ${configMap} stands where migrate.io keeps this lock, and somebody else made it. It is left alone, and nothing is migrated under this lock.`,
      `Look at it: kubectl -n ${namespace} get configmap ${configMap} -o yaml`,
      `If nobody needs it: kubectl -n ${namespace} delete configmap ${configMap}`,
    ],
  }
}

/** Nobody but the controller can tell by the pods alone who holds it. */
export function recordLost(pod: string, configMap: string): Release {
  return {
    kind: 'wait',
    says: [
      `Pod ${pod} was told to run and has not ended, but ConfigMap ${configMap}, which says who holds the lock, is missing. So the lock is not free.`,
      'The controller finds out anew from the pods who holds it, within half a minute. Then ask again.',
    ],
  }
}
