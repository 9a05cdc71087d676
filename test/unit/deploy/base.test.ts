import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { objectsIn } from '../../support/deploy/objects.ts'
import {
  assertControllersRights,
  assertOnlyTheControllersAccount,
  assertWebhookIsPowerless,
} from '../../support/deploy/rights.ts'
import { root } from '../../support/tooling/root.ts'

/** The manifests as they are written, before an overlay adds the ways to a certificate. */
const base = globSync(`${root}/deploy/base/*.yaml`).flatMap((file) => objectsIn(readFileSync(file, 'utf8')))

test('S1: the webhook has no token and no RBAC', () => assertWebhookIsPowerless(base))
test('S1: the controller may do this and nothing else', () =>
  assertControllersRights(base, { makesCertificates: false }))
test("S1: everything that may be done is done by the controller's account", () => assertOnlyTheControllersAccount(base))
