import type { Json, JsonObject } from '../json.ts'

/** The parts of an apps/v1 Deployment that are read here. All else is carried along untouched. */
export interface Deployment extends JsonObject {
  readonly metadata: ObjectMeta
  readonly spec: DeploymentSpec
}

export interface DeploymentSpec extends JsonObject {
  readonly replicas?: number | null
  readonly strategy?: JsonObject | null
  readonly progressDeadlineSeconds?: number | null
  readonly template: PodTemplate
}

export interface PodTemplate extends JsonObject {
  readonly metadata?: ObjectMeta | null
  readonly spec: PodSpec
}

export interface ObjectMeta extends JsonObject {
  readonly name?: string | null
  readonly annotations?: StringMap | null
  readonly labels?: StringMap | null
  readonly deletionTimestamp?: Json
  /** Counts the changes of a stored object; absent before it is stored. */
  readonly generation?: Json
}

export interface PodSpec extends JsonObject {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[] | null
  readonly volumes?: readonly Volume[] | null
  readonly nodeSelector?: StringMap | null
  readonly os?: JsonObject | null
}

export interface Container extends JsonObject {
  readonly name: string
  readonly volumeMounts?: readonly VolumeMount[] | null
}

export interface VolumeMount extends JsonObject {
  readonly name: string
  readonly mountPath: string
}

export interface Volume extends JsonObject {
  readonly name: string
}

export interface StringMap extends JsonObject {
  readonly [key: string]: string
}
