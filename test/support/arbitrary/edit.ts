import fc from 'fast-check'
import type { Json, JsonObject } from '../../../src/json.ts'
import { list, put } from '../injection/objects.ts'

/** Random edits of a container by its user, of all that an injection copies: added, changed, taken away. */

export type ContainerEdit = (container: JsonObject) => JsonObject

/** Which items stay, by place, and which are changed; what is new comes at the start or at the end. */
function editOfList(
  field: string,
  key: string,
  change: (item: JsonObject) => JsonObject,
  added: fc.Arbitrary<JsonObject>,
): fc.Arbitrary<ContainerEdit> {
  return fc
    .tuple(
      fc.array(fc.constantFrom('stays', 'goes', 'changes'), { minLength: 4, maxLength: 4 }),
      fc.uniqueArray(added, { maxLength: 2, selector: (item) => JSON.stringify(item[key]) }),
      fc.boolean(),
    )
    .map(([fates, items, isAtStart]) => (container) => {
      const kept = list(container, field).flatMap((item, i) => {
        const fate = fates[i % fates.length]
        return fate === 'goes' ? [] : [fate === 'changes' ? change(item) : item]
      })
      const fresh = items.filter(
        (item) => !kept.some((other) => JSON.stringify(other[key]) === JSON.stringify(item[key])),
      )
      const all = isAtStart ? [...fresh, ...kept] : [...kept, ...fresh]
      return put(container, [field], all.length === 0 ? undefined : all)
    })
}

const setField = (field: string, values: fc.Arbitrary<Json | undefined>): fc.Arbitrary<ContainerEdit> =>
  values.map((value) => (container) => put(container, [field], value))

const secrets = fc.constantFrom('staging-db', 'production-db')
const edits: readonly fc.Arbitrary<ContainerEdit>[] = [
  editOfList(
    'env',
    'name',
    (item) => ({ name: item['name'] ?? '', value: 'changed' }),
    fc.record({ name: fc.constantFrom('DIRECT_URL', 'a', 'b'), value: fc.constant('new') }),
  ),
  editOfList(
    'envFrom',
    'secretRef',
    (item) => ({ ...item, prefix: 'CHANGED_' }),
    secrets.map((name) => ({ secretRef: { name } })),
  ),
  editOfList(
    'volumeMounts',
    'mountPath',
    (item) => ({ ...item, readOnly: true }),
    fc.record({ name: fc.constantFrom('data', 'tmp'), mountPath: fc.constantFrom('/data', '/etc/shop') }),
  ),
  setField(
    'resources',
    fc.constantFrom<Json | undefined>(undefined, {}, { limits: { memory: '1Gi' } }, { requests: { cpu: '2' } }),
  ),
  setField(
    'securityContext',
    fc.constantFrom<Json | undefined>(
      undefined,
      {},
      { runAsUser: 7 },
      { capabilities: { drop: ['NET_RAW'], add: ['CHOWN'] } },
    ),
  ),
  setField('workingDir', fc.constantFrom(undefined, '/elsewhere')),
  setField('imagePullPolicy', fc.constantFrom(undefined, 'Always')),
  setField('image', fc.constantFrom('app:2', 'other:1')),
]

export const editOfContainer: fc.Arbitrary<ContainerEdit> = fc
  .tuple(...edits.map((edit) => fc.option(edit, { nil: undefined })))
  .map((chosen) => (container) => chosen.reduce<JsonObject>((edited, edit) => edit?.(edited) ?? edited, container))
