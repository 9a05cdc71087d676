import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startNodeCluster } from '../../support/cluster/node/start.ts'
import { machineFor } from '../../support/docs/machine.ts'
import { readTutorial } from '../../support/docs/tutorial.ts'

const cluster = await startNodeCluster()
after(() => cluster.stop())
const machine = await machineFor(cluster)
after(() => machine.remove())

/** What the commands below a heading have to print, all of them together. */
const PRINTS: Readonly<Record<string, readonly RegExp[]>> = {
  '3. Install migrate.io': [/deployment "migrate-io-webhook" successfully rolled out/, /namespace\/shop labeled/],
  '4. Deploy an app that migrates': [
    /deployment "flask" successfully rolled out/,
    /MigrationSucceeded/,
    /^flask +Migrated /m,
    /^DEPLOYMENT +STATE +REVISION +RUNNER +ATTEMPT +SINCE +NEXT TRY +LOCK +QUEUE$/m,
    /Running upgrade {2}-> 0001/,
  ],
  '5. Once per revision': [/deployment\.apps\/flask scaled/, /count *\n-+\n +1\n/],
  '6. A new version': [/version_num *\n-+\n 0004\n/, /^flask +Migrated /m],
  '7. A migration that fails': [
    /it was given up/,
    /^flask +Failed /m,
    /exit code 3/,
    /^flask-\S+ +1\/1 +Running/m,
    /MigrationFailed/,
    /^flask +Migrated /m,
  ],
  '8. Clean up': [/namespace "shop" deleted/, /namespace "migrate-io" deleted/],
}

const printed = new Map<string, string>()
for (const [index, { heading, text }] of readTutorial().here.entries())
  test(`${heading}, commands ${index + 1}`, async () => {
    printed.set(heading, `${printed.get(heading) ?? ''}${await machine.run(text)}`)
  })

for (const [heading, patterns] of Object.entries(PRINTS))
  test(`${heading}: prints what the text says`, () => {
    for (const pattern of patterns) assert.match(printed.get(heading) ?? '', pattern)
  })

test('there is a look at what each part prints', () => {
  assert.deepEqual([...printed.keys()], Object.keys(PRINTS))
})
