import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { moduleFiles } from '../cluster/module-files.ts'

/** The newest of each minor version that we work on; each module ships the description of its API. */
export const KUBERNETES_VERSIONS = [
  'v1.30.14',
  'v1.31.14',
  'v1.32.13',
  'v1.33.13',
  'v1.34.4',
  'v1.35.4',
  'v1.36.3',
  'v1.37.2',
] as const
export type KubernetesVersion = (typeof KUBERNETES_VERSIONS)[number]

const SWAGGER = 'api/openapi-spec/swagger.json'
const CERT_MANAGER = {
  module: 'github.com/cert-manager/cert-manager@v1.21.2',
  crds: ['certificates', 'issuers'].map((plural) => `deploy/crds/cert-manager.io_${plural}.yaml`),
}

interface Schema {
  $ref?: string
  type?: string | readonly string[]
  format?: string
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema | boolean
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
  [keyword: string]: unknown
}

/** Writes what kubeconform reads into the folder: a JSON schema for each kind that can be sent to that version. */
export async function writeKubernetesSchemas(version: KubernetesVersion, folder: string): Promise<void> {
  const module = await moduleFiles(`k8s.io/kubernetes@${version}`, [SWAGGER])
  const { definitions } = JSON.parse(readFileSync(join(module, SWAGGER), 'utf8')) as {
    definitions: Record<string, Schema>
  }
  const strict = Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, strictly(schema)]))
  // One file for all that they share, beside those that refer to it.
  writeFileSync(join(folder, 'definitions.json'), JSON.stringify({ definitions: strict }))
  for (const [name, schema] of Object.entries(definitions)) {
    const kinds = schema['x-kubernetes-group-version-kind'] ?? []
    if (kinds.length !== 1 || schema.properties?.['metadata'] === undefined) continue
    for (const { group, version: apiVersion, kind } of kinds)
      write(folder, { group, version: apiVersion, kind }, { $ref: `definitions.json#/definitions/${name}` })
  }
}

/** The same for what cert-manager adds. */
export async function writeCertManagerSchemas(folder: string): Promise<void> {
  writeCrdSchemas(await certManagerCrds(), folder)
}

/** The same for the objects of operators. */
export function writeCrdSchemas(crds: readonly CustomResourceDefinition[], folder: string): void {
  for (const crd of crds) {
    const { group, names, versions } = crd.spec
    for (const { name: version, schema } of versions)
      write(folder, { group, version, kind: names.kind }, strictly(schema.openAPIV3Schema))
  }
}

export interface CustomResourceDefinition {
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[]
  }
}

export function certManagerCrds(): Promise<CustomResourceDefinition[]> {
  return crdsOf(CERT_MANAGER)
}

/** Out of files of a Go module. */
export async function crdsOf({ module, crds }: typeof CERT_MANAGER): Promise<CustomResourceDefinition[]> {
  const folder = await moduleFiles(module, crds)
  return crds.map((file) => parse(readFileSync(join(folder, file), 'utf8')) as CustomResourceDefinition)
}

/** Refuses fields that it doesn't know. Numbers with units and ports may be numbers or text, which swagger can't say. */
function strictly(schema: Schema): Schema {
  if (schema.format === 'int-or-string' || schema['x-kubernetes-int-or-string'] === true)
    return { anyOf: [{ type: 'string' }, { type: 'integer' }] }
  const { properties, items, additionalProperties, $ref, ...rest } = schema
  // Quantities are text by their schema; the API takes numbers too.
  if ($ref?.endsWith('.api.resource.Quantity')) return { type: ['string', 'number'] }
  if ($ref?.endsWith('.util.intstr.IntOrString')) return { anyOf: [{ type: 'string' }, { type: 'integer' }] }
  // Of the root of a custom resource its schema says only that it is an object.
  const isOpen = rest['x-kubernetes-preserve-unknown-fields'] === true
  return {
    ...rest,
    ...($ref !== undefined && { $ref: $ref.replace('#/', 'definitions.json#/') }),
    ...(items !== undefined && { items: strictly(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: strictly(additionalProperties) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [
          name,
          name === 'metadata' && property.type === 'object' ? property : strictly(property),
        ]),
      ),
      ...(!isOpen && additionalProperties === undefined && { additionalProperties: false }),
    }),
  }
}

interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** By the name under which kubeconform looks for `{{ .ResourceKind }}{{ .KindSuffix }}.json`. */
function write(folder: string, { group, version, kind }: GroupVersionKind, schema: Schema): void {
  const parts = [kind, ...(group === '' ? [] : [group.split('.')[0]]), version]
  writeFileSync(join(folder, `${parts.join('-').toLowerCase()}.json`), JSON.stringify(schema))
}
