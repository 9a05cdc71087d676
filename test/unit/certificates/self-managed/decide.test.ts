import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CertificateSnapshot, KeptCertificates } from '../../../../src/certificates/self-managed/decide.ts'
import {
  decideCertificateStep,
  isDue,
  lifetime,
  type Step,
  TIMES,
} from '../../../../src/certificates/self-managed/decide.ts'
import { authority, servingOf, trusting } from '../../../support/certificates/self-managed/authorities.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2030, 0, 1)
const A = authority('A', NOW_MS - DAY_MS)
const B = authority('B', NOW_MS)
const OLD = authority('OLD', NOW_MS - 2 * 365 * DAY_MS)
const byA = servingOf(A, NOW_MS - DAY_MS)
const byB = servingOf(B, NOW_MS)

const kept = (trusted: KeptCertificates['trusted'], signer?: KeptCertificates['signer'], serving = byA) => ({
  trusted,
  signer,
  serving,
})
const without = (secret: KeptCertificates): KeptCertificates => ({ ...secret, serving: undefined })
const nothing = { caBundles: ['', ''], authorities: [] }
const { trustMs, overlapMs } = TIMES

/** What is there, for how long it has been so, and what is to be done: a step, or what is waited for. */
const TABLE: readonly [what: string, CertificateSnapshot, steadyMs: number, expected: string][] = [
  ['the first start', { secret: undefined, configuration: undefined }, 0, 'make-authority no-secret'],
  [
    'the first start, configuration there',
    { secret: undefined, configuration: nothing },
    0,
    'make-authority no-secret',
  ],
  ['the Secret deleted', { secret: undefined, configuration: trusting(A) }, 0, 'make-authority no-secret keep A'],
  ['no key', { secret: kept([A]), configuration: trusting(A) }, 0, 'make-authority no-authority keep A'],
  ['all garbage', { secret: without(kept([])), configuration: nothing }, 0, 'make-authority no-authority'],
  ['of cert-manager', { secret: kept([A]), configuration: trusting(B) }, 0, 'make-authority no-authority keep B A'],
  ['two years', { secret: kept([OLD], OLD), configuration: trusting(OLD) }, 0, 'make-authority authority-due keep OLD'],
  ['not trusted yet', { secret: kept([A], A), configuration: nothing }, 0, 'trust not-trusted A'],
  [
    'one webhook',
    { secret: kept([A], A), configuration: { ...nothing, caBundles: ['A\n', ''] } },
    0,
    'trust not-trusted A',
  ],
  ['another trusted', { secret: kept([A], A), configuration: trusting(B) }, 0, 'trust not-trusted A'],
  ['before new ones', { secret: kept([OLD], OLD), configuration: nothing }, 0, 'trust not-trusted OLD'],
  ['a new authority', { secret: kept([B, A], B), configuration: trusting(A) }, 0, 'trust not-trusted BA'],
  ['just trusted', { secret: kept([B, A], B), configuration: trusting(B, A) }, trustMs - 1, 'waits for trust'],
  ['trusted for long', { secret: kept([B, A], B), configuration: trusting(B, A) }, trustMs, 'issue other-authority'],
  ['emptied', { secret: without(kept([B, A], B)), configuration: trusting(B, A) }, trustMs - 1, 'waits for trust'],
  [
    'emptied before',
    { secret: without(kept([B, A], B)), configuration: trusting(B, A) },
    trustMs,
    'issue no-certificate',
  ],
  ['nobody trusts', { secret: kept([B, A], B), configuration: undefined }, trustMs - 1, 'waits for trust'],
  ['nobody to tell', { secret: kept([B, A], B), configuration: undefined }, trustMs, 'issue other-authority'],
  [
    'new one served',
    { secret: kept([B, A], B, byB), configuration: trusting(B, A) },
    overlapMs - 1,
    'waits for overlap',
  ],
  [
    'for long',
    { secret: kept([B, A], B, byB), configuration: trusting(B, A) },
    overlapMs,
    'drop-authorities overlap-over',
  ],
  ['old one dropped', { secret: kept([B], B, byB), configuration: trusting(B, A) }, 0, 'trust not-trusted B'],
  ['all well', { secret: kept([B], B, byB), configuration: trusting(B) }, 0, 'waits for nothing'],
  ['no configuration', { secret: kept([B], B, byB), configuration: undefined }, 0, 'waits for configuration'],
  ['edited certificate', { secret: without(kept([A], A)), configuration: trusting(A) }, 0, 'issue no-certificate'],
  [
    'other names',
    { secret: kept([A], A, { ...byA, isForService: false }), configuration: trusting(A) },
    0,
    'issue other-names',
  ],
  [
    'sixty days, in the middle of a rotation',
    { secret: kept([B, A], B, servingOf(B, NOW_MS - 60 * DAY_MS)), configuration: trusting(B, A) },
    0,
    'issue certificate-due',
  ],
]

for (const [what, snapshot, steadyMs, expected] of TABLE) {
  test(`O1: certificates, ${what}: ${expected}`, () => {
    assert.equal(inWords(decideCertificateStep(snapshot, { nowMs: NOW_MS, steadyMs }, TIMES)), expected)
  })
}

test('O1: certificates are renewed after two thirds of their life, wherever their beginning is backdated to', () => {
  const serving = lifetime(NOW_MS, TIMES.servingLifeMs)
  assert.equal(isDue(serving, NOW_MS), false)
  assert.equal(isDue(serving, NOW_MS + 60 * DAY_MS - 1), false)
  assert.equal(isDue(serving, NOW_MS + 60 * DAY_MS), true)
  // Made by a controller whose clock was two days ahead: nobody takes it yet.
  assert.equal(isDue(lifetime(NOW_MS + 2 * DAY_MS, TIMES.servingLifeMs), NOW_MS), true)
})

test('O1: a serving certificate that is renewed outlives no authority, and waits are as documented', () => {
  const { lookMs, authorityLifeMs, servingLifeMs } = TIMES
  assert.ok(
    servingLifeMs < authorityLifeMs / 3,
    'it ends within the third that an authority still has when it is replaced',
  )
  assert.equal(lifetime(NOW_MS, servingLifeMs, NOW_MS + DAY_MS).notAfterMs, NOW_MS + DAY_MS)
  assert.deepEqual(
    [lookMs, trustMs, overlapMs].map((ms) => ms / 1000),
    [10, 60, 3600],
  )
  assert.deepEqual(
    [servingLifeMs, authorityLifeMs].map((ms) => ms / DAY_MS),
    [90, 1095],
  )
})

test('O1: however often the Secret is spoiled, caBundle stays small', () => {
  const many = Array.from({ length: 50 }, (_, nth) => authority(`${nth}`, NOW_MS - nth))
  const step = decideCertificateStep(
    { secret: undefined, configuration: trusting(...many) },
    { nowMs: NOW_MS, steadyMs: 0 },
    TIMES,
  )
  assert.ok(step.kind === 'make-authority')
  assert.deepEqual(step.keep, many.slice(0, 10))
})

function inWords(step: Step): string {
  switch (step.kind) {
    case 'rest':
      return `waits for ${step.waitsFor}`
    case 'trust':
      return `trust ${step.why} ${step.caBundle.replaceAll('\n', '')}`
    case 'make-authority': {
      const keep = step.keep.map(({ cert }) => ` ${cert.trim()}`).join('')
      return `make-authority ${step.why}${keep && ` keep${keep}`}`
    }
    default:
      return `${step.kind} ${step.why}`
  }
}
