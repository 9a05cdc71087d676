import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { findTool } from '../../support/cluster/binaries.ts'
import { RULES_FILE, readRules } from '../../support/monitoring/rules.ts'
import { root } from '../../support/tooling/root.ts'

const run = promisify(execFile)
const DOCS = 'https://github.com/migrate-io/migrate-io/blob/main/'
const DAY_SECONDS = 86_400

/** Samples a minute, from time 0, as promtool writes them: `1x30` is 1 and 30 more like it, `_` is none. */
type Series = Readonly<Record<string, string>>

interface Case {
  readonly what: string
  readonly series: Series
  /** Minutes after time 0. */
  readonly at: number
  /** Left out: it must not. */
  readonly fires?: true
}

const leader = { 'migrate_io_leader{pod="a"}': '1x200', 'migrate_io_leader{pod="b"}': '0x200' }
const ready = { 'migrate_io_webhook_ready{pod="c"}': '1x200' }
const lasting = (reason: string, values: string) => ({ [`migrate_io_lasting_waits{reason="${reason}"}`]: values })
const waiting = (reason: string, values: string) => ({
  [`migrate_io_oldest_wait_start_timestamp_seconds{reason="${reason}"}`]: values,
})
const faults = (reason: string, values: string) => ({
  [`migrate_io_admission_requests_total{operation="none",outcome="error",reason="${reason}"}`]: values,
})
const unanswered = (name: string, values: string) => ({
  [`apiserver_admission_webhook_rejection_count{name="${name}",error_type="calling_webhook_error"}`]: values,
})
const expiry = (days: number) => `${days * DAY_SECONDS}x200`

const CASES: Readonly<Record<string, readonly Case[]>> = {
  MigrateIoMigrationFailing: [
    { what: 'one fails for a while', series: { migrate_io_failing_deployments: '0 1x20' }, at: 7, fires: true },
    { what: 'it was mended soon', series: { migrate_io_failing_deployments: '0 1x3 0x20' }, at: 7 },
    {
      what: 'another controller leads now, and says so',
      series: {
        'migrate_io_failing_deployments{pod="a"}': '1x5 _x20',
        'migrate_io_failing_deployments{pod="b"}': '_x5 1x20',
      },
      at: 12,
      fires: true,
    },
  ],
  MigrateIoMigrationWaitsLong: [
    { what: 'an image can’t be pulled', series: lasting('image-pull', '0 1x30'), at: 12, fires: true },
    {
      what: 'for one reason after the other',
      series: { ...lasting('earlier-container', '1x5 0x30'), ...lasting('earlier-container-fails', '0x5 1x30') },
      at: 12,
      fires: true,
    },
    { what: 'it went on', series: lasting('image-pull', '0 1x8 0x30'), at: 12 },
    { what: 'a lost node has an alert of its own', series: lasting('node-lost', '1x30'), at: 20 },
    { what: 'the controller can’t work', series: waiting('unknown', '60x40'), at: 23, fires: true },
    { what: 'a run is under way', series: waiting('running', '60x40'), at: 23 },
    { what: 'it fails, which has an alert of its own', series: waiting('backoff', '60x40'), at: 23 },
  ],
  MigrateIoMigrationRunsLong: [
    {
      what: 'over 2 hours',
      series: { migrate_io_oldest_hold_start_timestamp_seconds: '60x200' },
      at: 123,
      fires: true,
    },
    { what: 'under 2 hours', series: { migrate_io_oldest_hold_start_timestamp_seconds: '60x200' }, at: 119 },
    { what: 'it ended', series: { migrate_io_oldest_hold_start_timestamp_seconds: '60x100 _x100' }, at: 130 },
  ],
  MigrateIoHolderOnLostNode: [
    { what: 'the node stays away', series: lasting('node-lost', '0 1x30'), at: 4, fires: true },
    { what: 'it came back', series: lasting('node-lost', '0 1 0x30'), at: 4 },
    { what: 'another wait', series: lasting('runner-ends', '1x30'), at: 4 },
  ],
  MigrateIoAdmissionFailing: [
    { what: 'the webhook fails on requests', series: faults('internal', '0x5 1x20'), at: 9, fires: true },
    { what: 'it did once, long ago', series: faults('internal', '0x5 1x60'), at: 30 },
    { what: 'somebody sends it what is no review', series: faults('body-not-json', '0x5 1+1x20'), at: 9 },
    { what: 'API servers get no answer', series: unanswered('inject.migrate.io', '0x5 1+1x20'), at: 9, fires: true },
    {
      what: 'an API server gets no answer for the first time',
      series: { up: '1x40', ...unanswered('inject.migrate.io', '_x20 1x20') },
      at: 24,
      fires: true,
    },
    {
      what: 'it had got none when Prometheus was started',
      series: { up: '_x20 1x20', ...unanswered('inject.migrate.io', '_x20 1x20') },
      at: 24,
    },
    {
      what: 'it had got none earlier',
      series: { up: '1x60', ...unanswered('inject.migrate.io', '1x60') },
      at: 24,
    },
    { what: 'it is not our webhook', series: unanswered('injectamigrate.io', '0x5 1+1x20'), at: 9 },
  ],
  MigrateIoWebhookNotReady: [
    { what: 'none is ready', series: { 'migrate_io_webhook_ready{pod="c"}': '1 0x20' }, at: 4, fires: true },
    { what: 'there is none', series: leader, at: 4, fires: true },
    { what: 'one of two is', series: { ...ready, 'migrate_io_webhook_ready{pod="d"}': '0x20' }, at: 9 },
  ],
  MigrateIoCertificateExpiresSoon: [
    {
      what: 'in 14 days',
      series: { 'migrate_io_certificate_expiry_timestamp_seconds{pod="c"}': expiry(14) },
      at: 62,
      fires: true,
    },
    { what: 'in 15 days', series: { 'migrate_io_certificate_expiry_timestamp_seconds{pod="c"}': expiry(15) }, at: 62 },
    {
      what: 'the authority’s',
      series: {
        'migrate_io_certificate_expiry_timestamp_seconds{pod="c"}': expiry(60),
        'migrate_io_managed_certificate_expiry_timestamp_seconds{certificate="authority"}': expiry(13),
      },
      at: 62,
      fires: true,
    },
  ],
  MigrateIoNoLeader: [
    { what: 'none leads', series: { 'migrate_io_leader{pod="a"}': '1 0x20' }, at: 5, fires: true },
    { what: 'there is none', series: ready, at: 5, fires: true },
    { what: 'one takes over', series: { 'migrate_io_leader{pod="a"}': '1 0 0 1x20' }, at: 5 },
    { what: 'one of two leads', series: leader, at: 9 },
  ],
}

const scratch = mkdtempSync(join(tmpdir(), 'migrate-io-alerts-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const promtool = await findTool('promtool')
const rules = readRules()

/** What promtool says of one case; it rejects with that where the alert doesn't do what the case says. */
async function judge(alert: string, { series, at, fires }: Case): Promise<void> {
  const rule = rules.find((each) => each.alert === alert)
  const expected = { exp_labels: rule?.labels, exp_annotations: rule?.annotations }
  const file = join(mkdtempSync(join(scratch, 'case-')), 'test.json')
  const suite = {
    rule_files: [RULES_FILE],
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [{ eval_time: `${at}m`, alertname: alert, exp_alerts: fires ? [expected] : [] }],
      },
    ],
  }
  writeFileSync(file, JSON.stringify(suite))
  await run(promtool, ['test', 'rules', file])
}

test('promtool finds nothing wrong with the rules', async () => {
  const { stdout } = await run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', RULES_FILE])
  assert.match(stdout, /SUCCESS: 8 rules found/)
})

for (const { alert, labels, annotations } of rules)
  describe(alert, () => {
    const cases = CASES[alert] ?? []
    for (const each of cases) test(`${each.fires ? 'fires' : 'does not fire'}: ${each.what}`, () => judge(alert, each))

    test('is shown to fire and not to fire', () => {
      assert.ok(cases.some(({ fires }) => fires))
      assert.ok(cases.some(({ fires }) => !fires))
    })

    test('says what is the matter and what to do, and where that is written', () => {
      assert.match(labels['severity'] ?? '', /^(warning|critical)$/)
      assert.match(annotations['summary'] ?? '', /^[A-Z].{10,100}\.$/)
      assert.match(annotations['description'] ?? '', /`migrate-io status -A`/)
      const url = annotations['runbook_url'] ?? ''
      assert.ok(url.startsWith(DOCS), url)
      const [file = '', anchor] = url.slice(DOCS.length).split('#')
      assert.ok(existsSync(join(root, file)), file)
      if (anchor !== undefined) assert.ok(anchorsOf(readFileSync(join(root, file), 'utf8')).includes(anchor), anchor)
    })
  })

test('a case that is wrong is noticed', async () => {
  const [first] = CASES['MigrateIoMigrationFailing'] ?? []
  assert.ok(first)
  const { what, series, at } = first
  await assert.rejects(judge('MigrateIoMigrationFailing', { what, series, at }), /FAILED/)
})

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
