import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import jsonPatch from 'fast-json-patch'
import { parseAllDocuments } from 'yaml'
import { decideInjection } from '../../../src/injection/decide.ts'
import { equal, type JsonObject } from '../../../src/json.ts'
import { patchBetween } from '../../../src/webhook/answer.ts'
import { deploymentsOf, goldens, orphans } from '../../golden/golden.ts'
import { migrateIo } from '../../support/cli/run-cli.ts'

/** `MIGRATE_IO_REWRITE_GOLDEN=1 node --test test/unit/cli/golden.test.ts` writes the outputs anew; look at the difference. */
const isRewriting = process.env['MIGRATE_IO_REWRITE_GOLDEN'] === '1'
if (isRewriting && process.env['CI']) throw new Error('golden files are not rewritten in CI')

/** An alias that had to be written out stays so. */
const NOT_BYTE_FOR_BYTE = new Set(['comments'])

test('A3: there are golden files, and none whose input is gone', () => {
  assert.ok(goldens().length >= 20)
  assert.deepEqual(orphans(), [])
})

for (const { name, inputPath, outputPath } of goldens()) {
  test(`A3: ${name}: the CLI prints the golden file, byte for byte`, () => {
    const { code, stdout, stderr } = migrateIo(['inject', '-f', inputPath])
    assert.equal(code, 0, stderr)
    if (isRewriting) writeFileSync(outputPath, stdout)
    assert.ok(existsSync(outputPath), `${outputPath} is missing: see at the top of this file how to write it`)
    assert.equal(stdout, readFileSync(outputPath, 'utf8'), 'stale: see at the top of this file how to write it anew')
  })

  test(`A3: ${name}: the webhook's patch gives the same`, () => {
    const inputs = deploymentsOf(inputPath)
    const outputs = deploymentsOf(outputPath)
    assert.equal(inputs.length, outputs.length)
    for (const [i, object] of inputs.entries()) {
      const decision = decideInjection({ object, optedIn: true })
      assert.notEqual(decision.kind, 'refused')
      if (decision.kind === 'refused') return
      const patch = patchBetween(object, decision.deployment)
      const operations = patch === '' ? [] : JSON.parse(Buffer.from(patch, 'base64').toString())
      const patched = jsonPatch.applyPatch(structuredClone(object), operations).newDocument as JsonObject
      assert.ok(equal(patched, outputs[i]), `Deployment ${i} differs`)
    }
  })

  test(`A2: ${name}: what was injected comes out of the CLI as it went in`, () => {
    const text = readFileSync(outputPath, 'utf8')
    assert.deepEqual(migrateIo(['inject', '-f', outputPath]).stdout, text)
  })

  test(`A12: ${name}: uninject gives back what was there`, () => {
    const { stdout } = migrateIo(['uninject', '-f', outputPath])
    const input = readFileSync(inputPath, 'utf8')
    if (!NOT_BYTE_FOR_BYTE.has(name)) assert.equal(stdout, input)
    else assert.deepEqual(valuesOf(stdout), valuesOf(input))
  })
}

function valuesOf(text: string): readonly unknown[] {
  const isNothing = (value: unknown) => ['null', '[]', '{}'].includes(JSON.stringify(value))
  return parseAllDocuments(text).map((document) =>
    JSON.parse(
      JSON.stringify(document.toJS(), (_, value: unknown) => (isNothing(value) ? undefined : value)) ?? 'null',
    ),
  )
}
