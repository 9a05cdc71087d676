import { isObject, type Json, type JsonObject } from '../json.ts'
import { identify, type Problem, quote } from './reasons.ts'

/** The parts of an apps/v1 Deployment that are read here. All else is carried along untouched. */
export interface DeploymentObject extends JsonObject {
  readonly metadata: ObjectMeta
  readonly spec: DeploymentSpec
}

interface DeploymentSpec extends JsonObject {
  readonly replicas?: number | null
  readonly strategy?: JsonObject | null
  readonly progressDeadlineSeconds?: number | null
  readonly template: PodTemplate
}

export interface PodTemplate extends JsonObject {
  readonly metadata?: ObjectMeta | null
  readonly spec: PodSpec
}

interface ObjectMeta extends JsonObject {
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

/**
 * Reads a value as a Deployment: checks the types of all that this program touches, nothing else.
 * A manifest from a file may hold anything, and a request may come from anybody.
 */
export function readDeployment(value: Json | undefined): DeploymentObject | readonly Problem[] {
  const problems: Problem[] = []
  const shape = new Shape(problems)
  const root = shape.object(value, 'the document')
  const metadata = shape.object(root?.['metadata'], 'metadata')
  shape.stringMap(metadata?.['annotations'], 'metadata.annotations')
  shape.optional(metadata?.['name'], 'metadata.name', isString, 'a string')
  const spec = shape.object(root?.['spec'], 'spec')
  shape.optional(spec?.['replicas'], 'spec.replicas', isWholeNumber, 'a whole number')
  shape.optional(spec?.['progressDeadlineSeconds'], 'spec.progressDeadlineSeconds', isWholeNumber, 'a whole number')
  shape.optional(spec?.['strategy'], 'spec.strategy', isObject, 'a mapping')
  const strategy = spec?.['strategy']
  if (isObject(strategy))
    shape.optional(strategy['rollingUpdate'], 'spec.strategy.rollingUpdate', isObject, 'a mapping')
  const template = shape.object(spec?.['template'], 'spec.template')
  shape.template(template, 'spec.template')
  return problems.length > 0 ? problems : (root as DeploymentObject)
}

const isString = (value: Json): boolean => typeof value === 'string'
const isWholeNumber = (value: Json): boolean => Number.isInteger(value)

class Shape {
  readonly #problems: Problem[]

  constructor(problems: Problem[]) {
    this.#problems = problems
  }

  #report(path: string, expected: string, seen: Json | undefined): void {
    this.#problems.push({
      reason: 'malformed',
      path,
      message: `must be ${expected}, but is ${seen === undefined ? 'missing' : quote(seen)}`,
      identity: identify(path, seen),
    })
  }

  object(value: Json | undefined, path: string): JsonObject | undefined {
    if (isObject(value)) return value
    // Below something that is wrong already, nothing more is said.
    if (this.#problems.length > 0 && value === undefined) return undefined
    this.#report(path, 'a mapping', value)
    return undefined
  }

  optional(value: Json | undefined, path: string, isRight: (value: Json) => boolean, expected: string): void {
    if (value !== undefined && value !== null && !isRight(value)) this.#report(path, expected, value)
  }

  stringMap(value: Json | undefined, path: string): void {
    if (value === undefined || value === null) return
    if (!isObject(value)) {
      this.#report(path, 'a mapping', value)
      return
    }
    for (const key of Object.keys(value))
      if (typeof value[key] !== 'string') this.#report(`${path}[${key}]`, 'a string (put it in quotes)', value[key])
  }

  /** A list of mappings that each have a name. */
  named(value: Json | undefined, path: string, each: (item: JsonObject, at: string) => void): void {
    if (value === undefined || value === null) return
    if (!Array.isArray(value)) {
      this.#report(path, 'a list', value)
      return
    }
    for (const [i, item] of (value as readonly Json[]).entries()) {
      const at = `${path}[${i}]`
      const mapping = this.object(item, at)
      if (mapping === undefined) continue
      if (!isString(mapping['name'] ?? null)) this.#report(`${at}.name`, 'a string', mapping['name'])
      each(mapping, at)
    }
  }

  template(template: JsonObject | undefined, path: string): void {
    const metadata = template?.['metadata']
    this.optional(metadata, `${path}.metadata`, isObject, 'a mapping')
    if (isObject(metadata)) {
      this.stringMap(metadata['annotations'], `${path}.metadata.annotations`)
      this.stringMap(metadata['labels'], `${path}.metadata.labels`)
    }
    const spec = this.object(template?.['spec'], `${path}.spec`)
    if (spec === undefined) return
    if (!Array.isArray(spec['containers']) || spec['containers'].length === 0)
      this.#report(`${path}.spec.containers`, 'a list of at least one container', spec['containers'])
    this.stringMap(spec['nodeSelector'], `${path}.spec.nodeSelector`)
    this.optional(spec['os'], `${path}.spec.os`, isObject, 'a mapping')
    this.named(spec['volumes'], `${path}.spec.volumes`, () => {})
    for (const list of ['containers', 'initContainers'])
      this.named(spec[list], `${path}.spec.${list}`, (container, at) => {
        this.named(container['volumeMounts'], `${at}.volumeMounts`, (mount, mountAt) => {
          if (!isString(mount['mountPath'] ?? null))
            this.#report(`${mountAt}.mountPath`, 'a string', mount['mountPath'])
        })
      })
  }
}
