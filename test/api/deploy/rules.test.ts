import { describe, test } from 'node:test'
import { isHook, kustomized, templated, WAYS, type Way } from '../../support/deploy/rendered.ts'
import {
  assertControllersRights,
  assertOnlyTheControllersAccount,
  assertWebhookIsPowerless,
} from '../../support/deploy/rights.ts'

for (const [way, mode] of Object.entries(WAYS) as [Way, string][])
  describe(`as installed with certificates ${way}`, () => {
    const rendered = {
      kustomize: () => kustomized(way),
      Helm: async () => {
        const values = { 'certificates.mode': mode, 'certificates.own.caBundle': 'Q0E=' }
        return (await templated({ values })).filter((object) => !isHook(object))
      },
    }
    for (const [by, render] of Object.entries(rendered)) {
      test(`S1: the webhook has no token and no RBAC (${by})`, async () => {
        assertWebhookIsPowerless(await render())
      })

      test(`S1: the controller may do this and nothing else (${by})`, async () => {
        assertControllersRights(await render(), { makesCertificates: way === 'self-managed' })
      })

      test(`S1: everything that may be done is done by the controller's account (${by})`, async () => {
        assertOnlyTheControllersAccount(await render())
      })
    }
  })
