import type { Pod } from '../kube/objects.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { type Trouble, troubleOf } from './trouble.ts'

const FINALIZERS_MAX = 5 // to be named to a person

/** What is kept of a pod: what the controller decides from, and what keeps its wrapper from running. */
export interface PodFacts {
  readonly pod: Pod
  readonly trouble: Trouble | undefined
}

export function podFacts(full: Pod): PodFacts {
  const { metadata, spec, ...rest } = projectPod(full)
  const { deletionGracePeriodSeconds, finalizers } = full.metadata
  const { nodeName, terminationGracePeriodSeconds } = full.spec
  return {
    pod: {
      ...rest,
      metadata: {
        ...metadata,
        ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
        ...(finalizers === undefined ? {} : { finalizers: finalizers.slice(0, FINALIZERS_MAX) }),
      },
      spec: {
        ...spec,
        ...(nodeName === undefined ? {} : { nodeName }),
        ...(terminationGracePeriodSeconds === undefined ? {} : { terminationGracePeriodSeconds }),
      },
    },
    trouble: troubleOf(full),
  }
}
