import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { writeManifest } from '../../../../src/cli/manifest/edit.ts'
import { ManifestError } from '../../../../src/cli/manifest/manifest-error.ts'
import { readManifest } from '../../../../src/cli/manifest/read.ts'
import type { Json } from '../../../../src/json.ts'

const DEPLOYMENT = 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: shop\n'

function refusal(text: string): ManifestError {
  try {
    readManifest(text)
  } catch (error) {
    assert.ok(error instanceof ManifestError, String(error))
    return error
  }
  return assert.fail('it was read')
}

describe('A12: files of many documents come apart and together again without losing a byte', () => {
  const files: [string, string, Json[]][] = [
    ['nothing', '', []],
    ['only a comment', '# todo\n', [null]],
    ['only marks', '---\n---\n', [null, null]],
    ['one document', 'a: 1\n', [{ a: 1 }]],
    ['no line end at the end', 'a: 1\n---\nb: 2', [{ a: 1 }, { b: 2 }]],
    ['comments around the marks', '# 1\n---\n# 2\na: 1\n# 3\n--- # 4\n# 5\nb: 2\n# 6\n', [{ a: 1 }, { b: 2 }]],
    ['an empty document between', 'a: 1\n---\n# nothing\n---\nb: 2\n', [{ a: 1 }, null, { b: 2 }]],
    ['a mark at the end', 'a: 1\n---\n', [{ a: 1 }, null]],
    ['end marks', 'a: 1\n...\n# between\n---\nb: 2\n... # end\n', [{ a: 1 }, { b: 2 }]],
    ['directives', '%YAML 1.1\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n', [{ a: 1 }, { b: 2 }]],
    ['a directive after an end mark', 'a: 1\n...\n%TAG ! tag:yaml.org,2002:\n---\nb: !int "2"\n', [{ a: 1 }, { b: 2 }]],
    ['Windows line ends', 'a: |\r\n  x\r\n  y\r\n---\r\nb: 2\r\n', [{ a: 'x\ny\n' }, { b: 2 }]],
    ['a byte order mark', '\uFEFFa: 1\n', [{ a: 1 }]],
    ['marks inside text', 'a: |\n  ---\n  x\n---\nb: "\n  --- "\n', [{ a: '---\nx\n' }, { b: ' --- ' }]],
    ['JSON', '{\n\t"a": [1, {"b": "\\u00e9"}]\n}\n', [{ a: [1, { b: 'é' }] }]],
    [
      'anchors and merge keys',
      'a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n',
      [{ a: { b: 1 }, c: { b: 1 }, d: { b: 1, e: 2 } }],
    ],
  ]
  for (const [name, text, values] of files) {
    test(`A12: ${name}`, () => {
      const documents = readManifest(text)
      assert.deepEqual(
        documents.map(({ value }) => value),
        values,
      )
      assert.equal(writeManifest(documents), text)
    })
  }
})

describe('A12: Deployments are found where they stand', () => {
  const places = (text: string) =>
    readManifest(text).flatMap(({ deployments }) => deployments.map(({ place, line, path }) => ({ place, line, path })))

  test('A12: one document each, other kinds between', () => {
    const text = `# shop\n---\n${DEPLOYMENT}---\nkind: Service\napiVersion: v1\n---\n${DEPLOYMENT}`
    assert.deepEqual(places(text), [
      { place: 'document 1', line: 3, path: [] },
      { place: 'document 3', line: 11, path: [] },
    ])
  })

  test('A12: in a List', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- kind: Service\n  apiVersion: v1\n- # mine\n  kind: Deployment\n  apiVersion: apps/v1\n`
    assert.deepEqual(places(text), [{ place: 'document 1, items[1]', line: 7, path: ['items', 1] }])
  })

  test('A12: in a DeploymentList, where the API server leaves out the kind of the items', () => {
    const text = '{"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{"metadata": {"name": "shop"}}, null]}'
    assert.deepEqual(places(text), [{ place: 'document 1, items[0]', line: 1, path: ['items', 0] }])
  })

  test('A12: not other groups, nor a List of something else, nor text', () => {
    const texts = [
      'apiVersion: extensions/v1beta1\nkind: Deployment\n',
      'kind: List\nitems: []\n',
      'Deployment\n',
      '- a\n',
      'kind: List\napiVersion: v1\n',
    ]
    for (const text of texts) assert.deepEqual(places(text), [])
  })
})

describe('A12: values are what Kubernetes reads, which is neither YAML 1.1 nor 1.2', () => {
  const values: [string, Json][] = [
    ['yes', true],
    ['Off', false],
    ['"yes"', 'yes'],
    ['0644', 420],
    ['0o17', 15],
    ['-0x1F', -31],
    ['0b101', 5],
    ['089', 89],
    ['1_000', 1000],
    ['_1', '_1'],
    ['1e3', 1000],
    ['.5', 0.5],
    ['._5', '._5'],
    ['22:22', '22:22'],
    ['2026-01-31', '2026-01-31'],
    ['1.2.3', '1.2.3'],
    ['500m', '500m'],
    ['!!str 5', '5'],
    ['=', '='],
    ['', null],
  ]
  for (const [text, value] of values) {
    test(`A12: ${text || 'nothing'}`, () => assert.deepEqual(readManifest(`a: ${text}\n`)[0]?.value, { a: value }))
  }
})

describe('A12: what is no YAML is refused with its place and what to do', () => {
  const faults: [string, string, Partial<ManifestError>, RegExp][] = [
    ['a tab', 'a:\n\tb: 1\n', { code: 'yaml-tab', position: { line: 2, column: 1 } }, /spaces/],
    [
      'a key twice',
      'a: 1\n---\nb: 1\nc: 2\nb: 3\n',
      { code: 'yaml-duplicate-key', position: { line: 5, column: 1 } },
      /"b: 3"/,
    ],
    [
      'a key twice for Kubernetes',
      'on: 1\n"true": 2\n',
      { code: 'yaml-duplicate-key', position: { line: 2, column: 1 } },
      /Remove/,
    ],
    ['an unknown alias', 'a: *b\n', { code: 'yaml-alias', position: { line: 1, column: 4 } }, /anchor/],
    ['an alias bomb', bomb(), { code: 'yaml-alias' }, /aliases/],
    ['a merge of no map', 'a: &x 1\nb:\n  <<: *x\n', { code: 'yaml-alias' }, /merge/],
    ['a quote left open', 'a: "b\nc: 1\n', { code: 'yaml-invalid' }, /quote/],
    ['a bracket left open', 'a: [b\nc: 1\n', { code: 'yaml-invalid' }, /bracket/],
    ['two colons', '# x\na: b: c\n', { code: 'yaml-invalid', position: { line: 2, column: 4 } }, /Quote/],
    [
      'wrong indentation',
      'a:\n    b: 1\n  c: 2\n',
      { code: 'yaml-invalid', position: { line: 3, column: 1 } },
      /column/,
    ],
    [
      'a template',
      'image: {{ .Values.image }}\n',
      { code: 'yaml-key', position: { line: 1, column: 9 } },
      /helm template/,
    ],
    ['a template of blocks', '{{- if .Values.on }}\na: 1\n{{- end }}\n', {}, /helm template/],
  ]
  for (const [name, text, expected, message] of faults) {
    test(`A12: ${name}`, () => {
      const { code, position, message: seen } = refusal(text)
      assert.deepEqual({ code, position, ...expected }, { code, position })
      assert.match(seen, message)
      assert.match(seen, new RegExp(`^line ${position.line}, column ${position.column}: `))
    })
  }

  test('A12: columns count without the byte order mark', () => {
    assert.deepEqual(refusal('\uFEFFa: *b\n').position, { line: 1, column: 4 })
  })
})

function bomb(): string {
  const names = 'abcdefghi'.split('')
  return names.map((name, i) => `${name}: &${name} [${Array(9).fill(i === 0 ? 'x' : `*${names[i - 1]}`)}]\n`).join('')
}
