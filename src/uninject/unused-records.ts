import type { ConfigMap, Pod } from '../kube/objects.ts'
import { recordNameOf } from '../lock/key.ts'
import { DEPLOYMENT_RECORD, lockConfigMapName, NAMED_LOCK_RECORD, RECORD_LABEL } from '../names.ts'
import type { InjectedDeployment } from './injected.ts'
import { mayRun } from './migration.ts'

const NAMES: Readonly<Record<string, RegExp>> = {
  [DEPLOYMENT_RECORD]: /^deployment\..+\.migrate-io$/,
  [NAMED_LOCK_RECORD]: /^lock\..+\.migrate-io$/,
}

/** What may still need a record. All of the same namespaces, and read after the records. */
export interface Users {
  readonly injected: readonly InjectedDeployment[]
  /** Those with our label. */
  readonly pods: readonly Pod[]
}

/**
 * The ConfigMaps of ours that nothing will read again. A Deployment's own goes when the Deployment is not injected any more
 * and the last pod of a time when it was has gone; a named lock when that holds for its whole namespace.
 */
export function unusedRecords(records: readonly ConfigMap[], { injected, pods }: Users): readonly ConfigMap[] {
  const used = new Set<string>()
  const use = (namespace: string, record: string | undefined) => used.add(namespace).add(`${namespace}/${record}`)
  for (const { key } of injected) use(key.namespace, lockConfigMapName(key.deployment))
  for (const pod of pods.filter(mayRun)) use(pod.metadata.namespace, recordNameOf(pod))
  return records.filter(({ metadata: { namespace, name, labels } }) => {
    const kind = labels?.[RECORD_LABEL] ?? ''
    if (NAMES[kind]?.test(name) !== true) return false
    return !used.has(kind === NAMED_LOCK_RECORD ? namespace : `${namespace}/${name}`)
  })
}
