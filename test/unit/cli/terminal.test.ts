import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Screen } from '../../../src/cli/terminal.ts'
import { FakeTerminal } from '../../support/cli/terminal.ts'

const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`)

describe('What --watch shows on a terminal', () => {
  test('each text takes the place of the one before', () => {
    const terminal = new FakeTerminal(4, 10)
    const screen = new Screen(terminal)
    screen.show('a longer\nsecond\nthird\n')
    screen.show('short\n')
    assert.deepEqual(terminal.shown, ['short', '', '', ''])
    assert.deepEqual(terminal.all, ['short'])
  })

  test('what was there before can still be read', () => {
    for (const before of [[], ['$ one'], ['$ one', '$ two'], lines(9)]) {
      const terminal = new FakeTerminal(5, 10, before)
      new Screen(terminal).show('new')
      assert.deepEqual(terminal.all, [...before, 'new'])
      assert.equal(terminal.shown[0], 'new')
    }
  })

  test('what has no room is said to be there', () => {
    const terminal = new FakeTerminal(6, 20)
    const screen = new Screen(terminal)
    screen.show(lines(5).join('\n'))
    assert.deepEqual(terminal.shown, [...lines(5), ''])
    screen.show(lines(9).join('\n'))
    assert.deepEqual(terminal.shown, [...lines(4), '... 5 more lines', ''])
    screen.show(['x'.repeat(21), ...lines(2), 'y'.repeat(21)].join('\n'))
    assert.deepEqual(terminal.shown, ['x'.repeat(20), 'x', ...lines(2), '... 1 more line', ''])
  })

  test('the last text is there in full', () => {
    const terminal = new FakeTerminal(6, 20, ['$ before'])
    const screen = new Screen(terminal)
    screen.show(lines(9).join('\n'))
    screen.leave(lines(12).join('\n'))
    assert.deepEqual(terminal.all, ['$ before', ...lines(12)])
  })

  test('lines that fill their rows keep their last character, whatever stood there', () => {
    for (const width of [9, 10, 11, 20]) {
      const terminal = new FakeTerminal(8, 10)
      const screen = new Screen(terminal)
      screen.show(`${'z'.repeat(10)}\n${'z'.repeat(10)}\n${'z'.repeat(10)}`)
      screen.show(`\u001b[32m${'x'.repeat(width)}\u001b[39m\nnext`.replaceAll(/\u001b\[\d+m/g, ''))
      assert.equal(terminal.all.join('').replace('next', ''), 'x'.repeat(width), String(width))
      assert.equal(terminal.shown[Math.ceil(width / 10)], 'next')
    }
  })

  test('a terminal that says no size counts as the usual one', () => {
    let written = ''
    const write = (text: string) => {
      written += text
    }
    new Screen({ rows: 0, columns: 0, write }).show(lines(30).join('\n'))
    assert.match(written, /line 22\u001b\[K\n\.\.\. 8 more lines/)
  })
})
