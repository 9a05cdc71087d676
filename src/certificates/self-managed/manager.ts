import type { Api } from '../../kube/api.ts'
import { type Clock, systemClock } from '../../kube/clock.ts'
import type { WebhookConfigurations } from '../../kube/webhook-configuration.ts'
import { createWorkqueue, type Workqueue } from '../../kube/workqueue.ts'
import { carryOut } from './carry-out.ts'
import {
  type CertificateSnapshot,
  type CertificateTimes,
  type CertificateWait,
  decideCertificateStep,
  type Step,
  TIMES,
} from './decide.ts'
import { keptIn, trustedBy } from './read.ts'

/** There is one thing to be looked at. */
const ALL = 'certificates'
/** A whole renewal takes three; more in a row mean that somebody undoes what we write. */
const STEPS_IN_A_ROW_MAX = 5
const BACKOFF = { firstMs: 200, maxMs: 10_000 } // a conflict is over at once; a missing permission lasts

interface ManagerOptions {
  readonly api: Pick<Api, 'read' | 'create' | 'replace'>
  readonly configurations: WebhookConfigurations
  /** Of the Secret and of the Service. */
  readonly namespace: string
  readonly secretName: string
  readonly serviceName: string
  readonly configurationName: string
  readonly times?: Partial<CertificateTimes>
  /** The time of day in ms since 1970, for certificates only. */
  readonly now: () => number
  /** For waits. */
  readonly clock?: Clock
  readonly report: (event: CertificateEvent) => void
  /** A look or a write that failed. It is repeated. */
  readonly onFailure: (error: unknown) => void
}

export type CertificateEvent =
  | { readonly kind: 'step'; readonly step: Exclude<Step, { kind: 'rest' }> }
  /** After each look at which nothing was to be done. */
  | { readonly kind: 'rest'; readonly waitsFor: CertificateWait; readonly snapshot: CertificateSnapshot }

/** Keeps the serving certificate and what the API servers trust, as long as this controller leads. */
export interface CertificateManager {
  start(): void
  /** Resolves when nothing is being written any more. */
  stop(): Promise<void>
}

/** Look at Secret and configuration → snapshot → decide → one write → look again; at rest, after a while. */
export function createCertificateManager(options: ManagerOptions): CertificateManager {
  const { api, configurations, namespace, secretName, configurationName, now, clock = systemClock, report } = options
  const times = { ...TIMES, ...options.times }
  const names = namesOf({ namespace, service: options.serviceName })
  let queue: Workqueue | undefined

  /** @returns whether something was done, so that the next look is due at once */
  async function look(steadySince: SteadySince): Promise<boolean> {
    const secret = await api.read('Secret', namespace, secretName)
    const configuration = await configurations.read(configurationName)
    const snapshot: CertificateSnapshot = {
      secret: secret && keptIn(secret, names),
      configuration: configuration && trustedBy(configuration),
    }
    const versions = [
      secret?.metadata.uid,
      secret?.metadata.resourceVersion,
      configuration?.metadata.uid,
      configuration?.metadata.generation,
    ]
    const nowMs = now()
    const step = decideCertificateStep(
      snapshot,
      { nowMs, steadyMs: steadySince.of(versions.join(' '), clock.nowMs()) },
      times,
    )
    if (step.kind === 'rest') {
      report({ kind: 'rest', waitsFor: step.waitsFor, snapshot })
      return false
    }
    const read = { secret, configuration, signer: snapshot.secret?.signer }
    await carryOut(step, read, { api, configurations, namespace, secretName, names, times }, nowMs)
    report({ kind: 'step', step })
    return true
  }

  return {
    start() {
      if (queue !== undefined) return
      const steadySince = new SteadySince()
      let stepsInARow = 0
      const started = createWorkqueue({
        concurrency: 1,
        backoff: BACKOFF,
        clock,
        async work() {
          stepsInARow = (await look(steadySince)) ? (stepsInARow + 1) % STEPS_IN_A_ROW_MAX : 0
          if (stepsInARow > 0) started.add(ALL)
          else started.addAfter(ALL, times.lookMs)
        },
        onFailure({ error }) {
          options.onFailure(error)
          return undefined
        },
      })
      queue = started
      started.add(ALL)
    },
    async stop() {
      const stopping = queue
      queue = undefined
      await stopping?.stop()
    },
  }
}

/** Since when this process has seen the same. */
class SteadySince {
  #versions: string | undefined
  #sinceMs = 0

  of(versions: string, nowMs: number): number {
    if (versions !== this.#versions) {
      this.#versions = versions
      this.#sinceMs = nowMs
    }
    return nowMs - this.#sinceMs
  }
}

interface ServiceName {
  readonly namespace: string
  readonly service: string
}

/**
 * The names by which a Service is called; the API server uses the third.
 * https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
 */
export function namesOf({ namespace, service }: ServiceName): readonly string[] {
  const inNamespace = `${service}.${namespace}`
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.cluster.local`]
}
