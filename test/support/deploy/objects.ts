import { parseAllDocuments } from 'yaml'

/** An object of a manifest, as far as tests look at all of them alike. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export function objectsIn(yaml: string): Rendered[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null)
}

/** Such as `Deployment migrate-io/migrate-io-webhook`. */
export function nameOf({ kind, metadata }: Rendered): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`
}

/** The only one of this kind and name. */
export function find<T extends Rendered = Rendered>(objects: readonly Rendered[], kind: string, name: string): T {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name)
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name}; there should be one`)
  return found[0] as T
}
