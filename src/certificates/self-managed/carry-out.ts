import { randomBytes } from 'node:crypto'
import type { Api } from '../../kube/api.ts'
import type { Secret } from '../../kube/objects.ts'
import type { WebhookConfiguration, WebhookConfigurations } from '../../kube/webhook-configuration.ts'
import type { Issued } from '../issue.ts'
import { bundleOf, type CertificateTimes, type Lifetime, lifetime, type Step } from './decide.ts'
import { dataWith, KEYS, type SecretValues, textUnder } from './read.ts'

const LABELS = { 'app.kubernetes.io/name': 'migrate-io', 'app.kubernetes.io/component': 'controller' }
const SUBJECT = 'CN=migrate.io webhook'

/** What a step is carried out on: as it was read when the step was decided, so that each write is a compare-and-swap. */
interface ReadObjects {
  readonly secret: Secret | undefined
  readonly configuration: WebhookConfiguration | undefined
  readonly signer: { readonly cert: string; readonly notAfterMs: number } | undefined
}

interface Means {
  readonly api: Pick<Api, 'create' | 'replace'>
  readonly configurations: Pick<WebhookConfigurations, 'trust'>
  readonly namespace: string
  readonly secretName: string
  /** Those of the serving certificate. */
  readonly names: readonly string[]
  readonly times: CertificateTimes
}

/** The one write of a step. Throws KubeError, with code `conflict` where something has changed since it was read. */
export async function carryOut(step: Exclude<Step, { kind: 'rest' }>, read: ReadObjects, means: Means, nowMs: number) {
  const { times, names } = means
  const serving = async (authority: Issued, untilMs: number) => {
    const life = validity(lifetime(nowMs, times.servingLifeMs, untilMs))
    return (await issuing()).issueServing(authority, { subject: SUBJECT, names, ...life })
  }

  switch (step.kind) {
    case 'make-authority': {
      const life = lifetime(nowMs, times.authorityLifeMs)
      // Each has a name of its own, so that none is taken for another where both are trusted.
      const subject = `${SUBJECT} CA ${randomBytes(4).toString('hex')}`
      const authority = await (await issuing()).makeAuthority(subject, validity(life))
      const first = step.keep.length === 0 ? await serving(authority, life.notAfterMs) : undefined
      return write({
        [KEYS.authorities]: authority.cert + bundleOf(step.keep),
        [KEYS.authorityKey]: authority.key,
        // Else what is served goes on to be, if it is still there; and the new one comes once its authority is trusted.
        ...(first && { [KEYS.serving]: first.cert, [KEYS.servingKey]: first.key }),
      })
    }
    case 'issue': {
      const { cert, notAfterMs } = present(read.signer)
      const made = await serving({ cert, key: textUnder(read.secret, KEYS.authorityKey) }, notAfterMs)
      return write({ [KEYS.serving]: made.cert, [KEYS.servingKey]: made.key })
    }
    case 'drop-authorities':
      return write({ [KEYS.authorities]: present(read.signer).cert })
    case 'trust':
      await means.configurations.trust(present(read.configuration), step.caBundle)
  }

  async function write(values: SecretValues): Promise<void> {
    const { api, namespace, secretName: name } = means
    const data = dataWith(read.secret, values)
    if (read.secret) await api.replace('Secret', { ...read.secret, data })
    // Not of type kubernetes.io/tls, which may not lack a certificate for a while, and which no manifest can install empty.
    else await api.create('Secret', { metadata: { namespace, name, labels: LABELS }, type: 'Opaque', data })
  }
}

/** Loaded only when something is issued, once in two months: the library takes 20 MiB and a third of a second. */
function issuing() {
  return import('../issue.ts')
}

function validity({ notBeforeMs, notAfterMs }: Lifetime) {
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) }
}

/** The step was decided on what is there. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a step was decided on something that is not there')
  return value
}
