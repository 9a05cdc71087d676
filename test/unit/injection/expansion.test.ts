import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { escapeExpansion } from '../../../src/injection/command.ts'
import { decideInjection } from '../../../src/injection/decide.ts'
import { WRAPPER } from '../../../src/injection/wrapper.generated.ts'
import { SCRIPT } from '../../../src/injection/wrapper.ts'
import type { Json } from '../../../src/json.ts'
import { flask, migration, POD, put, stored } from '../../support/injection/objects.ts'

/**
 * What kubelet makes of each string in `command` and `args`.
 * Rule: k8s.io/kubernetes/third_party/forked/golang/expansion/expand.go, and MappingFuncFor there: a name that no
 * variable has gives back the reference itself.
 */
function expand(input: string, variables: ReadonlyMap<string, string>): string {
  const mapping = (name: string) => variables.get(name) ?? `$(${name})`
  let result = ''
  let checkpoint = 0
  for (let cursor = 0; cursor < input.length; cursor++) {
    if (input[cursor] !== '$' || cursor + 1 >= input.length) continue
    result += input.slice(checkpoint, cursor)
    const { read, isVariable, advance } = readVariable(input.slice(cursor + 1))
    result += isVariable ? mapping(read) : read
    cursor += advance
    checkpoint = cursor + 1
  }
  return result + input.slice(checkpoint)
}

/** tryReadVariableName: what follows a `$`. */
function readVariable(input: string): { read: string; isVariable: boolean; advance: number } {
  if (input[0] === '$') return { read: '$', isVariable: false, advance: 1 }
  if (input[0] !== '(') return { read: `$${input[0]}`, isVariable: false, advance: 1 }
  const end = input.indexOf(')')
  if (end < 0) return { read: '$(', isVariable: false, advance: 1 }
  return { read: input.slice(1, end), isVariable: true, advance: end + 1 }
}

/** Text full of what Kubernetes might expand. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('$', '$', '(', ')', '$(A)', '$$', 'A', '\n', "'", '"', '`', '\\', '-', ' '),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    {
      maxLength: 14,
    },
  )
  .map((parts) => parts.join('').replaceAll('\0', ''))
const names = fc.oneof(fc.constantFrom('A', 'X', '', '(', '$', '$(A'), fc.string({ maxLength: 3 }))

/** What arrives in the container: command and args as kubelet gives them to the runtime. */
function arrived(command: string, env: Readonly<Record<string, string>>): string[] {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }))
  const object = put(flask({ 'migrate.io/command': command }), [...POD, 'containers', 0, 'env'], variables)
  const container = migration(stored(decideInjection({ object, optedIn: true })))
  const values = new Map(Object.entries(env))
  return [...(container['command'] as string[]), ...(container['args'] as string[])].map((item) => expand(item, values))
}

suite('A9: nothing that Kubernetes expands reaches script or command', () => {
  test('A9: the test expands as the tests of Kubernetes do', () => {
    const variables = new Map([
      ['VAR_A', 'A'],
      ['VAR_B', 'B'],
      ['VAR_REF', '$(VAR_A)'],
      ['VAR_EMPTY', ''],
    ])
    const CASES = [
      ['$(VAR_A)', 'A'],
      ['___$(VAR_B)___', '___B___'],
      ['$(VAR_REF)', '$(VAR_A)'],
      ['foo$(VAR_EMPTY)bar', 'foobar'],
      ['$$(VAR_A)_$(VAR_B)', '$(VAR_A)_B'],
      ['$$$(VAR_A)', '$A'],
      ['$$$$(VAR_A)', '$$(VAR_A)'],
      ['$VAR_A', '$VAR_A'],
      ['$(VAR_Q)', '$(VAR_Q)'],
      ['$(VAR_A', '$(VAR_A'],
      ['$', '$'],
      ['foo$', 'foo$'],
      ['$$', '$'],
      ['$?_boo_$!', '$?_boo_$!'],
      ['$$$$$$$(A)$', '$$$$(A)$'],
      ['\n$(VAR_A)$', '\nA$'],
    ] as const
    for (const [input, expected] of CASES) assert.equal(expand(input, variables), expected, input)
  })

  test('A9: any text comes back byte for byte, whatever variables there are', () => {
    fc.assert(
      fc.property(text, fc.dictionary(names, text), (value, variables) => {
        assert.equal(expand(escapeExpansion(value), new Map(Object.entries(variables))), value)
      }),
      { numRuns: 3000 },
    )
  })

  test('A9: a `$` is doubled in a run of several or before `(`, and nowhere else', () => {
    fc.assert(
      fc.property(text, (value) => {
        const doubled = [...value.matchAll(/\$+/g)].filter(
          ({ 0: run, index }) => run.length > 1 || value[index + run.length] === '(',
        )
        const added = doubled.reduce((sum, [run]) => sum + run.length, 0)
        assert.equal(escapeExpansion(value).length, value.length + added)
      }),
      { numRuns: 2000 },
    )
    for (const [value, escaped] of [
      ['$HOME', '$HOME'],
      ['$', '$'],
      ['$(', '$$('],
      ['$$', '$$$$'],
      ['a$b$$c$(d)$', 'a$b$$$$c$$(d)$'],
      ['$$$(x)', '$$$$$$(x)'],
    ] as const)
      assert.equal(escapeExpansion(value), escaped)
  })

  test('A9: the wrapper comes back byte for byte', () => {
    assert.equal(expand(SCRIPT, new Map([['mio_state', 'x']])), WRAPPER)
  })

  test('A9: a shell command line arrives as one argument, the script unchanged', () => {
    fc.assert(
      fc.property(text, fc.dictionary(fc.constantFrom('A', 'X', 'mio_now + 1'), text), (value, env) => {
        const command = `: ${value}`
        assert.deepEqual(arrived(command, env), [
          '/bin/sh',
          '-c',
          WRAPPER,
          'migrate-io',
          'timeout=none',
          '/bin/sh',
          '-c',
          '--',
          command,
        ])
      }),
      { numRuns: 500 },
    )
  })

  test('A9: each argument of a JSON array arrives', () => {
    fc.assert(
      fc.property(fc.array(text), fc.dictionary(names, text), (items, env) => {
        const argv = ['program', ...items]
        const { A } = env
        assert.deepEqual(arrived(JSON.stringify(argv), A === undefined ? {} : { A }).slice(5), argv)
      }),
      { numRuns: 500 },
    )
  })

  for (const command of [
    '-x',
    '--version',
    "it's",
    '$(X) $$ $HOME `id` "q" \\',
    'für 数据库 🐘',
    'a\nb\n',
    `x${'$('.repeat(60_000)}`,
  ])
    test(`A9: ${JSON.stringify(command.slice(0, 30))}`, () => {
      assert.equal(arrived(command, { X: 'expanded' }).at(-1), command)
    })

  test('A9: 100 KiB arrive', () => {
    const command = `echo ${'$$(x)'.repeat(20 * 1024)}`
    assert.equal(arrived(command, { x: 'expanded' }).at(-1) satisfies Json | undefined, command)
  })
})
