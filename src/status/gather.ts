import type { Api } from '../kube/api.ts'
import type { Transport } from '../kube/transport.ts'
import { complete } from './complete.ts'
import type { ControllerFacts } from './controller-facts.ts'
import type { Situation } from './situation.ts'
import { situationsOf } from './situations.ts'
import { type Scope, survey } from './survey.ts'

export interface Gathered {
  readonly situations: readonly Situation[]
  readonly controller: ControllerFacts
}

/**
 * Reads how migrations stand in a namespace or in all of them, of all Deployments that have to do with us. One that is
 * named is among them, if it exists, whatever it has to do with us.
 * @param now milliseconds since 1970
 * @throws KubeError
 */
export async function gather(
  cluster: { readonly transport: Transport; readonly api: Api },
  scope: Scope,
  now: number,
): Promise<Gathered> {
  const completed = await complete(cluster, await survey(cluster, scope, now))
  return { situations: situationsOf(completed, now), controller: completed.survey.controller }
}
