import { readFileSync } from 'node:fs'
import { root } from '../root.ts'

/** As much of JSON Schema as the chart's schema uses. */
interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly $defs?: Readonly<Record<string, Schema>>
}

const SCHEMA = JSON.parse(readFileSync(`${root}/deploy/chart/values.schema.json`, 'utf8')) as Schema

/**
 * What the schema allows for a value, in words.
 * @throws Error where the schema has no such value
 */
export function allowedAt(path: string): string {
  let schema: Schema | undefined = SCHEMA
  for (const name of path.split('.')) schema = schema === undefined ? undefined : resolved(schema).properties?.[name]
  if (schema === undefined) throw new Error(`deploy/chart/values.schema.json has no ${path}, which values.yaml has`)
  return inWords(resolved(schema))
}

function resolved(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema
  const name = schema.$ref.replace('#/$defs/', '')
  const found = SCHEMA.$defs?.[name]
  if (found === undefined) throw new Error(`deploy/chart/values.schema.json: nothing is at ${schema.$ref}`)
  return resolved(found)
}

function inWords(schema: Schema): string {
  const { type, enum: values, anyOf, items, minimum, maximum, minLength } = schema
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ')
  if (anyOf !== undefined) return anyOf.map((each) => inWords(resolved(each))).join(', or ')
  if (type === 'boolean') return '`true`, `false`'
  if (type === 'integer') return `whole number${range(minimum, maximum)}`
  if (type === 'array') return items === undefined ? 'list' : `list: ${inWords(resolved(items))}`
  if (type === 'object') return 'mapping'
  if (type === 'string')
    return schema.pattern === undefined
      ? `text${minLength === undefined ? '' : ', not empty'}`
      : `text, as \`${schema.pattern}\``
  throw new Error(`deploy/chart/values.schema.json: no words for ${JSON.stringify(schema)}`)
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`
  return minimum === undefined ? '' : `, at least ${minimum}`
}
