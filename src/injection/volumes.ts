import type { JsonObject } from '../json.ts'
import { FILES_VOLUME, GRANT_ANNOTATION, lockConfigMapName, STATE_VOLUME } from '../names.ts'
import type { Volume } from './deployment.ts'

/**
 * The two volumes of the injected container. Defaults of the API server are written out, so that a stored Deployment
 * and a fresh injection compare as equal.
 * @param deploymentName undefined where the API server makes the name up only after admission (generateName): then the
 *   record cannot be mounted, and pods learn of it from the controller.
 */
export function makeVolumes(deploymentName: string | undefined): readonly [Volume, Volume] {
  // First, since a later source wins: a key `grant` in the ConfigMap must not hide the real one.
  const record: readonly JsonObject[] =
    deploymentName === undefined ? [] : [{ configMap: { name: lockConfigMapName(deploymentName), optional: true } }]
  const items = [
    field('grant', `metadata.annotations['${GRANT_ANNOTATION}']`),
    field('revision', "metadata.labels['pod-template-hash']"),
  ]
  return [
    { name: FILES_VOLUME, projected: { sources: [...record, { downwardAPI: { items } }], defaultMode: 0o644 } },
    // On disk and not in memory: what a pod has claimed must survive a reboot of its node.
    { name: STATE_VOLUME, emptyDir: { sizeLimit: '1Mi' } },
  ]
}

function field(path: string, fieldPath: string): JsonObject {
  return { path, fieldRef: { apiVersion: 'v1', fieldPath } }
}
