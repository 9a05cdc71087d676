import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { buildHealthApp, type NotReady } from '../http/health.ts'
import { listen } from '../http/listen.ts'
import { KubeError } from '../kube/api.ts'
import { createApi } from '../kube/client.ts'
import { type LeaderTimes, startLeaderElection } from '../kube/leader-election.ts'
import { loadKube } from '../kube/load.ts'
import { connect } from '../kube/transport.ts'
import { startWatch } from '../kube/watch.ts'
import { LEADER_LEASE, NAMESPACE, PROTOCOL_LABEL } from '../migration/names.ts'
import { VERSION } from '../migration/version.ts'
import { createControllerMetrics } from '../observability/controller-metrics.ts'
import { createLogs, type LogLevel } from '../observability/logs.ts'
import { createLoop } from './loop.ts'
import { Pods } from './pods.ts'
import { projectPod } from './project.ts'
import { Teller } from './tell.ts'

const STOP_MAX_MS = 15_000 // one call to the API server at most, and letting the Lease go

export interface ControllerOptions {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** Where the leader's Lease is. Default: the own namespace in a pod, else migrate-io. */
  readonly namespace?: string | undefined
  /** Health and metrics, without TLS. 0: any free port. */
  readonly port: number
  /** Left out: all addresses. */
  readonly host?: string | undefined
  readonly logLevel: LogLevel
  readonly times?: Partial<LeaderTimes>
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
  const api = createApi(transport)
  const pods = new Pods()
  const metrics = createControllerMetrics({
    version: VERSION,
    watchedPods: () => watch.size,
    queuedLocks: () => loop.queued,
  })
  const teller = new Teller(logs, metrics, Date.now)
  const fault = (error: unknown, what: string) => {
    metrics.callFailed('fault')
    logs.error({ err: error }, what)
  }
  const trouble = (error: unknown, what: string) => {
    if (!(error instanceof KubeError)) return fault(error, what)
    metrics.callFailed(error.code)
    logs.warn({ code: error.code, detail: error.message }, what)
  }

  let stopping = false
  const notReady: NotReady = () =>
    stopping ? 'shutting down' : watch.isSynced ? undefined : 'the view is not complete'
  const app = buildHealthApp(notReady, metrics)
  const port = await listen(app, options)

  const watch = startWatch(transport, {
    kind: 'Pod',
    selection: { labelSelector: PROTOCOL_LABEL, fieldSelector: 'status.phase=Pending' },
    project: projectPod,
    handlers: { changed: (pod) => loop.see(pod, false), gone: (pod) => loop.see(pod, true) },
    onTrouble: ({ at, error }) => {
      const what = `the watch of pods goes on after a failure of its ${at}`
      // A connection that breaks is nobody's mistake.
      if (at === 'handler') fault(error, what)
      else trouble(KubeError.of(error), what)
    },
    onRestart: metrics.watchRestarted,
  })
  const loop = createLoop({
    api,
    pods,
    watched: () => watch.items(),
    now: Date.now,
    random: Math.random,
    report: (event, key) => teller.event(event, key),
    onLook: (key, wait) => teller.look(key, wait),
    onFailure: ({ key, error }) => trouble(error, `a look at ${key} failed and is repeated`),
  })
  const identity = `${hostname()}-${randomBytes(4).toString('hex')}`
  const namespace = options.namespace ?? (target.isOwnPod ? target.namespace : NAMESPACE)
  const election = startLeaderElection({
    api,
    namespace,
    name: LEADER_LEASE,
    identity,
    onStarted(lost) {
      metrics.leading(true)
      logs.info({ identity }, 'leads from now on')
      void watch.synced.then(() => {
        if (!lost.aborted) loop.start()
      })
    },
    onStopped() {
      metrics.leading(false)
      logs.info({ identity }, 'leads no more')
      void loop.stop().then(() => teller.forget())
    },
    onNewLeader: (leader) => leader !== identity && logs.info({ leader }, 'another controller leads'),
    onTrouble: (error) => trouble(error, `cannot read or write the Lease ${namespace}/${LEADER_LEASE}`),
    ...(options.times && { times: options.times }),
  })
  logs.info({ port, version: VERSION, pid: process.pid, identity, cluster: target.source }, 'controller is running')

  closeWithGrace({ delay: STOP_MAX_MS, logger: false, onTimeout: () => logs.error('shutdown took too long') }, stop)

  async function stop({ err, signal }: { err?: Error; signal?: string }): Promise<void> {
    if (err) {
      logs.fatal({ err }, 'a fault in the program')
      return
    }
    stopping = true
    logs.info({ signal }, 'shutting down: starts nothing more, and lets the Lease go')
    // The next leader needn't wait until what this one has begun is done: the lock does not rest on there being one.
    await Promise.all([loop.stop(), election.stop()])
    await watch.stop()
    await app.close()
    transport.close()
  }
}
