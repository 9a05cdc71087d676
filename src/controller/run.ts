import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import closeWithGrace from 'close-with-grace'
import type { CertificateTimes } from '../certificates/self-managed/decide.ts'
import { type CertificateNames, createCertificateRole } from '../certificates/self-managed/role.ts'
import { buildHealthApp, type NotReady } from '../http/health.ts'
import { listen } from '../http/listen.ts'
import { KubeError } from '../kube/api.ts'
import { readClusterObject } from '../kube/calls.ts'
import { createApi } from '../kube/client.ts'
import { systemClock } from '../kube/clock.ts'
import { createEventRecorder } from '../kube/event-recorder.ts'
import { startInformer } from '../kube/informer.ts'
import { type LeaderTimes, startLeaderElection } from '../kube/leader-election.ts'
import { loadKube } from '../kube/load.ts'
import { connect } from '../kube/transport.ts'
import { KEPT, projectPod } from '../lock/pod-projection.ts'
import { LEADER_LEASE, NAMESPACE, PROTOCOL_LABEL } from '../names.ts'
import { createControllerMetrics } from '../observability/controller-metrics.ts'
import { LockGauges } from '../observability/lock-gauges.ts'
import { createLogs, type LogLevel } from '../observability/logs.ts'
import { VERSION } from '../version.ts'
import { createController } from './controller.ts'
import { platformOf } from './moved-images.ts'
import { PodIndex } from './pod-index.ts'
import { EventPublisher, Reporter } from './reporter.ts'
import { createStuckRollouts, STUCK_REASONS } from './stuck-rollouts.ts'

const STOP_MAX_MS = 15_000 // one call to the API server at most, and letting the Lease go

/** Whether this controller manages the webhook's certificate. */
export type CertificateWay = 'self-managed' | 'none'

export interface ControllerOptions extends Omit<CertificateNames, 'namespace'> {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** Where the leader's Lease and the certificates' Secret are. Default: the own namespace in a pod, else migrate-io. */
  readonly namespace?: string | undefined
  /** Health and metrics, without TLS. 0: any free port. */
  readonly port: number
  /** Left out: all addresses. */
  readonly host?: string | undefined
  readonly logLevel: LogLevel
  readonly certificates: CertificateWay
  readonly times?: Partial<LeaderTimes>
  readonly certificateTimes?: Partial<CertificateTimes>
}

/**
 * Runs the controller role until a signal ends the process: watch → queue → snapshot → decide → act, while it leads.
 *
 * @throws LoadError, ListenError: with one line for the user, and nothing left open.
 */
export async function runController(options: ControllerOptions): Promise<void> {
  const logs = createLogs(options.logLevel)
  const target = await loadKube({ kubeconfig: options.kubeconfig, context: options.context })
  const transport = await connect(target)
  const api = createApi(transport, KEPT)
  /** As it comes: for what judges by more of a pod than the lock does. */
  const wholeApi = createApi(transport)
  const pods = new PodIndex()
  const lockGauges = new LockGauges(pods)
  const metrics = createControllerMetrics({
    version: VERSION,
    watchedPods: () => watch.size,
    queuedLocks: () => controller.queued,
    lockGauges,
    stuckReasons: Object.keys(STUCK_REASONS),
  })
  const reporter = new Reporter(logs, metrics, Date.now)
  const namespace = options.namespace ?? (target.isOwnPod ? target.namespace : NAMESPACE)
  const identity = `${hostname()}-${randomBytes(4).toString('hex')}`
  const recorder = createEventRecorder({
    api,
    instance: identity,
    now: Date.now,
    unique: () => randomBytes(8).toString('hex'),
    onLost: (error) => reporter.trouble(error, 'an Event was lost'),
  })
  const publisher = new EventPublisher(api, recorder, Date.now)

  let stopping = false
  const notReady: NotReady = () =>
    stopping ? 'shutting down' : watch.isSynced ? undefined : 'the first list of pods is not complete'
  const app = buildHealthApp(notReady, metrics)
  const port = await listen(app, options)

  const watch = startInformer(transport, {
    kind: 'Pod',
    // A wrapper that waits in phase Running, as kubelets before 1.32 may show it, was told before: see `isLeftAlone` in lock/decide.ts.
    selection: { labelSelector: PROTOCOL_LABEL, fieldSelector: 'status.phase=Pending' },
    project: projectPod,
    handlers: {
      changed(pod, before) {
        controller.podChanged(pod, before)
        if (before !== undefined) reporter.podChanged(before, pod)
      },
      gone(pod) {
        controller.podGone(pod)
        reporter.podChanged(pod, undefined)
      },
    },
    onTrouble: ({ at, error }) => {
      // What a handler throws is a fault of the program; a connection that breaks is not.
      const isFault = at === 'handler'
      reporter.trouble(
        isFault ? error : KubeError.of(error),
        `the watch of pods continues after a failure of its ${at}`,
      )
    },
    onRestart: metrics.watchRestarted,
  })
  const controller = createController({
    api,
    pods,
    watched: () => watch.items(),
    now: Date.now,
    random: Math.random,
    report(event, key) {
      reporter.event(event, key)
      publisher.event(event, key)
    },
    // Where nodes can't be read, a moved tag goes unnoticed; nothing else needs it.
    platform: (node) => readClusterObject(transport, 'Node', node).then(platformOf, () => undefined),
    onReconciled(key, result) {
      if (result.isKnown) reporter.waiting(key, result.waitReason)
      lockGauges.note(key, result)
    },
    onFailure: ({ key, error }) => reporter.trouble(error, `reconciling ${key} failed and is retried`),
  })
  const stuckRollouts = createStuckRollouts({
    cluster: { transport, api: wholeApi },
    leader: { leader: identity, namespace },
    pending: () => pods.keys(),
    now: Date.now,
    clock: systemClock,
    publish(announcement, key) {
      logs.info({ ...key, reason: announcement.reason }, 'its pods have been waiting for a while: an Event says why')
      publisher.publish(announcement, key)
    },
    onStuck: metrics.stuck,
    onFailure: (error) => reporter.trouble(error, 'could not find out why pods wait'),
  })
  const certificates = createCertificateRole({
    cluster: { transport, api },
    names: { ...options, namespace },
    times: options.certificateTimes,
    logs,
    metrics,
    onFailure: (error) => reporter.trouble(error, 'checking the certificates failed and is retried'),
  })
  const election = startLeaderElection({
    api,
    namespace,
    name: LEADER_LEASE,
    identity,
    onStarted(lost) {
      metrics.leading(true)
      logs.info({ identity }, 'started leading')
      if (options.certificates === 'self-managed') certificates.start()
      void watch.synced.then(() => {
        if (lost.aborted) return
        controller.start()
        stuckRollouts.start()
      })
    },
    onStopped() {
      metrics.leading(false)
      logs.info({ identity }, 'stopped leading')
      void controller.stop().then(() => {
        reporter.forget()
        lockGauges.forget()
      })
      void stuckRollouts.stop()
      void certificates.stop()
    },
    onNewLeader: (leader) => leader !== identity && logs.info({ leader }, 'another controller is leading'),
    onTrouble: (error) => reporter.trouble(error, `cannot read or write the Lease ${namespace}/${LEADER_LEASE}`),
    ...(options.times && { times: options.times }),
  })
  logs.info({ port, version: VERSION, pid: process.pid, identity, cluster: target.source }, 'controller is running')

  closeWithGrace({ delay: STOP_MAX_MS, logger: false, onTimeout: () => logs.error('shutdown took too long') }, stop)

  async function stop({ err, signal }: { err?: Error; signal?: string }): Promise<void> {
    if (err) {
      logs.fatal({ err }, 'unexpected error')
      return
    }
    stopping = true
    logs.info({ signal }, 'shutting down: starting nothing new and releasing the Lease')
    // The next leader needn't wait until what this one has begun is done: the lock does not rest on there being one.
    await Promise.all([controller.stop(), stuckRollouts.stop(), certificates.stop(), election.stop()])
    await Promise.all([watch.stop(), recorder.stop()])
    await app.close()
    transport.close()
  }
}
