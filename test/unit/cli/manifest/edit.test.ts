import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type EditWay, editDocument, writeManifest } from '../../../../src/cli/manifest/edit.ts'
import { type ManifestDocument, readManifest } from '../../../../src/cli/manifest/read.ts'
import { isObject, type Json, set } from '../../../../src/json.ts'
import { CASES, type Case } from '../../../support/cli/manifest/cases.ts'
import { changed } from '../../../support/cli/manifest/samples.ts'
import { Choices } from '../../../support/cli/manifest/styled.ts'

function first(text: string): ManifestDocument {
  const [document] = readManifest(text)
  return document ?? assert.fail('no document')
}

/** `value` with the value at the path replaced, or taken out where `to` is undefined. */
function at(value: Json, path: readonly (string | number)[], to: Json | undefined): Json {
  const [key, ...rest] = path
  if (key === undefined) return to ?? null
  if (Array.isArray(value)) {
    const index = Number(key)
    const item = rest.length === 0 && to === undefined ? [] : [at(value[index] ?? null, rest, to)]
    return [...value.slice(0, index), ...item, ...value.slice(index + 1)]
  }
  const object = isObject(value) ? value : {}
  return set(object, String(key), rest.length === 0 ? to : at(object[key] ?? null, rest, to))
}

function target({ before, set: changes }: Case): Json {
  return Object.entries(changes).reduce((value, [path, to]) => {
    const keys = path.split('/').map((key) => key.replaceAll('|', '/'))
    return at(value, keys, to)
  }, first(before).value)
}

describe('A12: an edit changes the lines that it must and no others', () => {
  for (const sample of CASES) {
    test(`A12: ${sample.name}`, () => {
      const document = first(sample.before)
      const value = target(sample)
      const { text, way } = editDocument(document, value)
      assert.equal(text, sample.after)
      assert.equal(way, sample.way ?? ('text' satisfies EditWay))
      assert.deepEqual(first(text).value, value)
      if (sample.returns !== false) assert.equal(editDocument(first(text), document.value).text, sample.before)
    })
  }
})

test('A12: any change of these samples reads as the new value', () => {
  const texts = fc.constantFrom(...CASES.flatMap(({ before, after }) => [before, after]))
  fc.assert(
    fc.property(texts, fc.array(fc.nat(99), { maxLength: 60 }), (text, numbers) => {
      const document = first(text)
      const value = changed(document.value, new Choices(numbers))
      assert.deepEqual(first(editDocument(document, value).text).value, value)
    }),
    { numRuns: 500 },
  )
})

test('A12: an unchanged value leaves the document as it is', () => {
  for (const { before } of CASES) {
    const document = first(before)
    assert.deepEqual(editDocument(document, structuredClone(document.value)), { text: before, way: 'unchanged' })
  }
})

test('A12: an edited document leaves its neighbours, marks and comments in the file alone', () => {
  const [a, b, c] = ['# a\na: 1\n# end of a\n', '--- # b\nb:\n  x: 1\n# end of b\n...\n', '# c\n---\nc: 3']
  const documents = readManifest(a + b + c)
  const edited = documents.map((document, i) =>
    i === 1 ? editDocument(document, { b: { x: 1, y: 'z\nz' } }) : document,
  )
  assert.equal(writeManifest(edited), `${a}${b.replace('x: 1\n', 'x: 1\n  "y": |-\n    z\n    z\n')}${c}`)
})

test('A12: a document that holds nothing in common with its new value is written anew', () => {
  const texts = ['# c\n--- # d\na: 1\n...\n', '--- {a: 1}\n', '{"a": 1}', '{\n    "a": 1\n}\r\n', 'a: 1', '# nothing\n']
  for (const text of texts) {
    const edited = editDocument(first(text), { b: ['x\ny'] })
    assert.deepEqual(first(edited.text).value, { b: ['x\ny'] })
    assert.ok(edited.way === 'nodes' || edited.way === 'value')
    if (text.startsWith('{')) assert.deepEqual(JSON.parse(edited.text), { b: ['x\ny'] })
  }
})
