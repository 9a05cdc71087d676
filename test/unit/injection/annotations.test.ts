import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { ANNOTATIONS } from '../../../src/injection/annotations.ts'
import { nearest } from '../../../src/injection/reasons.ts'

const parse = (name: keyof typeof ANNOTATIONS, text: string) => ANNOTATIONS[name].parse(text)
const value = (name: keyof typeof ANNOTATIONS, text: string) => {
  const parsed = parse(name, text)
  return 'wrong' in parsed ? undefined : parsed.value
}
const shell = (text: string) => ['/bin/sh', '-c', '--', text]

suite('A8: what annotations may say', () => {
  const COMMANDS: readonly (readonly [text: string, argv: readonly string[] | undefined])[] = [
    ['flask db upgrade', shell('flask db upgrade')],
    ['[ -f x ] && y', shell('[ -f x ] && y')],
    ['[[ -f x ]] && y', shell('[[ -f x ]] && y')],
    ['{ a; }', shell('{ a; }')],
    ['{\n a\n}', shell('{\n a\n}')],
    ['true', shell('true')],
    ['null', shell('null')],
    ['42', shell('42')],
    ['"flask"', shell('"flask"')],
    ['-x', shell('-x')],
    [' leading and trailing ', shell(' leading and trailing ')],
    ['a\n', shell('a\n')],
    ['["flask"]', ['flask']],
    ['["flask","db",""]', ['flask', 'db', '']],
    [' [ "flask" ,\n"db" ] \n', ['flask', 'db']],
    ['["[", "-f", "x"]', ['[', '-f', 'x']],
    ['["flask",]', undefined],
    ['["flask"', undefined],
    ["['flask']", undefined],
    ['[flask]', undefined],
    ['[]', undefined],
    ['[""]', undefined],
    ['["", "x"]', undefined],
    ['[1]', undefined],
    ['["a", null]', undefined],
    ['[["a"]]', undefined],
    ['{}', undefined],
    ['{"a":1}', undefined],
    ['{"a":', undefined],
    ['', undefined],
    ['  \t\n', undefined],
    ['["a\\u0000b"]', undefined],
    ['a\0b', undefined],
  ]
  for (const [text, argv] of COMMANDS)
    test(`A8: command ${JSON.stringify(text)}`, () => assert.deepEqual(value('command', text), argv))

  test('A8: a command of exactly 120 KiB, and one byte more', () => {
    const max = 120 * 1024
    assert.notEqual(value('command', 'x'.repeat(max)), undefined)
    assert.equal(value('command', 'x'.repeat(max + 1)), undefined)
    assert.notEqual(value('command', 'é'.repeat(max / 2)), undefined)
    assert.equal(value('command', `${'é'.repeat(max / 2)}x`), undefined)
    assert.notEqual(value('command', JSON.stringify(['a', 'x'.repeat(max)])), undefined)
    assert.equal(value('command', JSON.stringify(['a', 'x'.repeat(max + 1)])), undefined)
  })

  test('A8: any shell command line arrives as it is', () => {
    const line = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((text) => !/^\s*[[{]|\0/.test(text) && text.trim() !== '')
    fc.assert(
      fc.property(line, (text) => assert.deepEqual(value('command', text), shell(text))),
      { numRuns: 500 },
    )
  })

  test('A8: any JSON array of strings is the command', () => {
    const items = fc.array(fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')))
    fc.assert(
      fc.property(items, (more) => {
        const argv = ['program', ...more]
        assert.deepEqual(value('command', JSON.stringify(argv, null, 2)), argv)
      }),
      { numRuns: 500 },
    )
  })

  const DURATIONS: readonly (readonly [text: string, seconds: number | undefined])[] = [
    ['90s', 90],
    ['30m', 1800],
    ['2h', 7200],
    ['1h30m', 5400],
    ['1h1m1s', 3661],
    ['1h5s', 3605],
    ['1s', 1],
    ['168h', 604800],
    ['007s', 7],
    ['0s', undefined],
    ['0h0m', undefined],
    ['168h1s', undefined],
    ['', undefined],
    ['90', undefined],
    ['90 s', undefined],
    [' 90s', undefined],
    ['90s\n', undefined],
    ['1.5h', undefined],
    ['-5m', undefined],
    ['+5m', undefined],
    ['5M', undefined],
    ['5min', undefined],
    ['500ms', undefined],
    ['1d', undefined],
    ['s', undefined],
    ['m5', undefined],
    ['5s1m', undefined],
    ['1m1m', undefined],
    ['1e3s', undefined],
    ['٣s', undefined],
    ['99999999999999999999s', undefined],
  ]
  for (const [text, seconds] of DURATIONS)
    test(`A8: timeout ${JSON.stringify(text)}`, () => assert.equal(value('timeout', text), seconds))

  test('A8: retries', () => {
    for (const [text, count] of [
      ['0', 0],
      ['3', 3],
      ['1000', 1000],
      ['00', 0],
    ] as const)
      assert.equal(value('retries', text), count)
    for (const text of ['', '-1', '+1', '1.0', '1e3', '1001', '99999', ' 1', '1\n', 'none', '0x1', '١'])
      assert.equal(value('retries', text), undefined, JSON.stringify(text))
  })

  test('A8: locks have names that fit into the name of a ConfigMap', () => {
    for (const text of ['a', 'orders-db', '0', 'a'.repeat(63)]) assert.equal(value('lock', text), text)
    for (const text of ['', '-', '-a', 'a-', 'A', 'a.b', 'a_b', 'a b', 'a\n', 'ä', 'a'.repeat(64)])
      assert.equal(value('lock', text), undefined, JSON.stringify(text))
  })

  test('A8: strategy and container', () => {
    for (const text of ['rolling', 'keep']) assert.equal(value('strategy', text), text)
    for (const text of ['', 'Rolling', 'RollingUpdate', 'rolling ', 'Recreate'])
      assert.equal(value('strategy', text), undefined, text)
    assert.equal(value('container', 'web'), 'web')
    assert.equal(value('container', ''), undefined)
  })

  test('A8: each example in the table is one that is allowed', () => {
    for (const [name, { example }] of Object.entries(ANNOTATIONS))
      assert.notEqual(value(name as keyof typeof ANNOTATIONS, example), undefined, name)
  })

  test('A8: any text is read or refused, never thrown at', () => {
    const names = fc.constantFrom(...(Object.keys(ANNOTATIONS) as (keyof typeof ANNOTATIONS)[]))
    fc.assert(
      fc.property(names, fc.string({ unit: 'binary' }), (name, text) => void parse(name, text)),
      { numRuns: 2000 },
    )
  })
})

suite('A8: did you mean', () => {
  const NAMES = Object.keys(ANNOTATIONS)

  test('A8: typing errors', () => {
    for (const [typed, meant] of [
      ['comand', 'command'],
      ['Command', 'command'],
      ['commandd', 'command'],
      ['cmd', undefined],
      ['timout', 'timeout'],
      ['time-out', 'timeout'],
      ['retires', 'retries'],
      ['stategy', 'strategy'],
      ['contianer', 'container'],
      ['lok', 'lock'],
      ['wombat', undefined],
      ['', undefined],
    ] as const)
      if (meant === undefined) assert.equal([undefined, 'command', 'lock'].includes(nearest(typed, NAMES)), true, typed)
      else assert.equal(nearest(typed, NAMES), meant)
    assert.equal(nearest('x'.repeat(1_000_000), NAMES), undefined)
  })

  test('A8: one letter added, dropped or replaced in a name of ours is understood', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...NAMES),
        fc.nat(),
        fc.constantFrom('a', 'z', '-', ''),
        fc.constantFrom(0, 1),
        (name, at, letter, dropped) => {
          const position = at % name.length
          const typed = name.slice(0, position) + letter + name.slice(position + dropped)
          assert.equal(nearest(typed, NAMES), name)
        },
      ),
    )
  })
})
