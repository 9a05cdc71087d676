import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { type Edited, editDocument } from '../../../../src/cli/manifest/edit.ts'
import { type ManifestDocument, readManifest } from '../../../../src/cli/manifest/read.ts'
import { isObject, type Json, type JsonObject, set } from '../../../../src/json.ts'
import { authors, changed, deployments, injected } from '../../../support/cli/manifest/samples.ts'
import { Choices, styled } from '../../../support/cli/manifest/styled.ts'

function only(text: string): ManifestDocument {
  const [document, ...rest] = readManifest(text)
  assert.ok(document && rest.length === 0)
  return document
}

/** Edits, and checks what must hold for every edit. */
function edit(document: ManifestDocument, value: Json): Edited {
  const edited = editDocument(document, value)
  assert.deepEqual(only(edited.text).value, value)
  return edited
}

function asObject(value: Json): JsonObject {
  return isObject(value) ? value : {}
}

/** Whether all of `lines` stand in `all`, in this order. */
function isSubsequence(lines: readonly string[], all: readonly string[]): boolean {
  let at = 0
  for (const line of all) if (at < lines.length && line === lines[at]) at++
  return at === lines.length
}

const manifests = (flow: boolean) =>
  fc
    .tuple(deployments, authors(flow), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([value, author, lineBreak, open]) => {
      const text = styled(value, author)
      return { value, text: (open ? text.trimEnd() : text).replaceAll('\n', lineBreak) }
    })

test('A12: a manifest in any style is read to its value', () => {
  fc.assert(fc.property(manifests(true), ({ value, text }) => assert.deepEqual(only(text).value, value)))
})

test('A12: in block style, injecting and taking it back gives the very same bytes', () => {
  fc.assert(
    fc.property(manifests(false), ({ value, text }) => {
      const forth = edit(only(text), injected(value))
      assert.equal(forth.way, 'text')
      const back = edit(only(forth.text), value)
      assert.equal(back.way, 'text')
      assert.equal(back.text, text)
    }),
    { numRuns: 200 },
  )
})

test('A12: injecting leaves every line that it need not change', () => {
  fc.assert(
    fc.property(manifests(false), ({ value, text }) => {
      const lines = (of: string) => of.split(/\r?\n/)
      const kept = lines(text).filter((line) => !/Recreate|\[\]|\{\}/.test(line))
      assert.ok(isSubsequence(kept, lines(edit(only(text), injected(value)).text)))
    }),
    { numRuns: 100 },
  )
})

test('A12: any change of any manifest is made by editing its text, and reads as the new value', () => {
  fc.assert(
    fc.property(manifests(true), fc.array(fc.nat(99), { maxLength: 80 }), ({ value, text }, numbers) => {
      // Something stays: a document of which nothing is left is written anew.
      const { way } = edit(only(text), set(asObject(changed(value, new Choices(numbers))), 'kind', 'Deployment'))
      // A comment that its key left behind could become part of a script above it; then the tree of nodes decides.
      const stray = text.includes('# end of')
      assert.ok(way === 'text' || way === 'unchanged' || (stray && way === 'nodes'), way)
    }),
    { numRuns: 300 },
  )
})

test('A12: JSON stays JSON, in its own style, and comes back to the same bytes', () => {
  const indents = fc.constantFrom(undefined, 1, 2, 4, '\t')
  fc.assert(
    fc.property(deployments, indents, fc.boolean(), (value, indent, newline) => {
      const text = JSON.stringify(value, null, indent) + (newline ? '\n' : '')
      const forth = edit(only(text), injected(value))
      assert.equal(forth.way, 'text')
      assert.equal(forth.text.trim(), JSON.stringify(JSON.parse(forth.text), null, indent))
      assert.equal(edit(only(forth.text), value).text, text)
    }),
  )
})

test('A12: strings that we write are the same strings in YAML 1.1 and 1.2', () => {
  const words = fc.constantFrom(
    'yes',
    'on',
    'Y',
    '0123',
    '0o17',
    '0x1F',
    '1_000',
    '+_1',
    '22:22',
    '~',
    'null',
    '1e3',
    '.5',
    '=',
    '<<',
    '---',
    '2026-01-31',
  )
  const strings = fc.dictionary(
    fc.oneof(words, fc.string()),
    fc.oneof(words, fc.string({ unit: 'binary' }), fc.string()),
  )
  fc.assert(
    fc.property(strings, (labels) => {
      // A lone surrogate is no Unicode text; a reader may make of it what it wants.
      fc.pre(
        Object.entries(labels)
          .flat()
          .every((text) => text.isWellFormed() && text !== '__proto__'),
      )
      const value = { metadata: { name: 'shop', annotations: { ...labels } } }
      const { text } = edit(only('metadata:\n  name: shop\n'), value)
      assert.deepEqual(parse(text, { version: '1.1' }), value)
      assert.deepEqual(parse(text, { version: '1.2' }), value)
    }),
    { numRuns: 300 },
  )
})
