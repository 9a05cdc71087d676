import type { Pod } from '../../../src/kube/objects.ts'
import { MAX_RUN_NUMBER } from '../../../src/lock/grant.ts'
import { PROTOCOL_LABEL } from '../../../src/names.ts'
import type { Situation } from '../../../src/status/situation.ts'
import { configMapOf, ended, holderOf, podOf, replicaSetOf } from '../controller/objects.ts'
import { at, onNode, podWith, situation } from './objects.ts'

/** What a person must be able to read out of it. */
export type Case = readonly [
  what: string,
  situation: Situation,
  state: string,
  reason: string,
  ...says: readonly RegExp[],
]

export const runner = onNode(podOf({ grant: 'run 5' }))
export const held = { number: 5, holder: holderOf(runner, 5) }
export const failed = (more: object = {}) => ({
  entries: { 'failed.a': JSON.stringify({ count: 2, exit: 3, ...more }) },
})
const completed = { pod: 'web-a-1', image: 'app:1', started: at(-3660), seconds: 60, number: 3 }
export const DONE = { entries: { 'completed.a': JSON.stringify(completed) } }
const older = onNode(podOf({ name: 'web-z-1', revision: 'z', grant: 'run 5' }))
const NO_SHELL =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'
const busy = {
  lock: 'orders-db',
  state: { kind: 'busy', configMap: configMapOf(), isOurs: false },
  holder: { deployment: 'api', pod: 'api-1', since: at(-90) },
} as const

/** Every situation that `status` tells apart, as the reference page shows them too. */
export const CASES: readonly Case[] = [
  ['a recorded revision', situation({ record: DONE }), 'Migrated', 'migrated'],
  [
    'a run',
    situation({ record: held, pods: [runner] }),
    'Running',
    'running',
    /web-a-1/,
    /migrate-io logs web -n shop/,
  ],
  [
    'a run after failures',
    situation({ record: { ...held, ...failed() }, pods: [runner] }),
    'Running',
    'running',
    /attempt 3, after 2 failures/,
  ],
  [
    'a run past the rollout’s deadline',
    situation({ record: held, pods: [runner], facts: { isPastDeadline: true } }),
    'Running',
    'running',
    /progressDeadlineSeconds/,
  ],
  [
    'a runner whose node is lost',
    situation({
      record: held,
      pods: [runner],
      situation: { node: { kind: 'not-ready', since: Date.parse(at(-300)) } },
    }),
    'Running',
    'node-lost',
    /node-1 hasn't reported its status for 5m \(NotReady\)/,
    /may still be running/,
    /migrate-io unlock web -n shop/,
    /two migrations may run at once/,
  ],
  [
    'a runner whose Node object is gone',
    situation({ record: held, pods: [runner], situation: { node: { kind: 'gone' } } }),
    'Running',
    'node-lost',
    /Node object of node-1 is gone/,
  ],
  [
    'a runner whose node may not be read',
    situation({ record: held, pods: [runner], situation: { node: { kind: 'unseen' } } }),
    'Running',
    'running',
    /you don't have permission to get nodes/,
  ],
  [
    'a runner that is being deleted',
    situation({ record: held, pods: [onNode(podOf({ grant: 'run 5', isDeleting: true }))] }),
    'Running',
    'runner-ends',
    /being deleted/,
    /runs again in another pod/,
  ],
  [
    'a run whose container waits to be started again',
    situation({
      record: held,
      pods: [onNode(podOf({ grant: 'run 5', state: { waiting: { reason: 'CrashLoopBackOff' } } }))],
    }),
    'Running',
    'not-started',
    /isn't running/,
  ],
  [
    'a success that is about to be recorded',
    situation({ record: held, pods: [podOf({ grant: 'run 5', state: ended(0, 'run 5') })] }),
    'Running',
    'result-seen',
    /has succeeded\. The controller will record that in a moment/,
  ],
  [
    'a failure that is about to be counted',
    situation({ record: held, pods: [podOf({ grant: 'run 5', state: ended(7, 'run 5') })] }),
    'Failed',
    'result-seen',
    /exit code 7/,
  ],
  [
    'a failing migration',
    situation({
      record: failed({ next: at(12) }),
      pods: [podOf()],
      situation: { replicaSets: [replicaSetOf(), replicaSetOf('z', '0')] },
    }),
    'Failed',
    'failed',
    /2 pods of the previous revision keep serving/,
    /exit code 3/,
    /attempt 2/,
    /next attempt starts in 12s/,
    /migrate-io logs web -n shop/,
    /kubectl -n shop rollout undo deployment\/web/,
  ],
  [
    'a failing one whose container Kubernetes holds back',
    situation({
      record: failed({ next: at(-5) }),
      pods: [podOf({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended(3, 'run 4') })],
    }),
    'Failed',
    'failed',
    /as soon as a pod is ready/,
  ],
  [
    'one that was killed',
    situation({ record: { entries: { 'failed.a': '{"count":1,"exit":137}' } }, facts: { available: 0 } }),
    'Failed',
    'failed',
    /137 \(signal 9/,
    /No pod of the app is serving/,
  ],
  [
    'one that was given up',
    situation({ record: failed({ next: at(12) }), facts: { settings: { retries: 1 } }, pods: [podOf()] }),
    'Failed',
    'gave-up',
    /2 times/,
    /migrate\.io\/retries/,
    /migrate-io rerun web -n shop/,
  ],
  [
    'a runner that is gone',
    situation({ record: held, pods: [] }),
    'Interrupted',
    'interrupted',
    /web-a-1 was interrupted/,
    /runs again/,
  ],
  [
    'a runner that was evicted',
    situation({ record: held, pods: [podOf({ grant: 'run 5', phase: 'Failed', state: ended(143, 'run 5') })] }),
    'Interrupted',
    'interrupted',
  ],
  [
    'an older revision’s run',
    situation({ record: { number: 5, holder: holderOf(older, 5) }, pods: [podOf(), older] }),
    'Waiting',
    'older-revision',
    /web-z-1 of an older revision/,
  ],
  [
    'an older revision’s runner whose node is lost',
    situation({
      record: { number: 5, holder: holderOf(older, 5) },
      pods: [podOf(), older],
      situation: { node: { kind: 'not-ready', since: undefined } },
    }),
    'Waiting',
    'node-lost',
  ],
  ['a pod that is next', situation({ pods: [podOf()] }), 'Waiting', 'next', /web-a-1 is next/],
  ['a first pod, with no record yet', situation({ configMap: undefined, pods: [podOf()] }), 'Waiting', 'next'],
  [
    'no controller',
    situation({ pods: [podOf()], situation: { controller: { kind: 'absent', namespace: 'migrate-io' } } }),
    'Waiting',
    'controller-absent',
    /no controller is running/,
    /kubectl -n migrate-io get deployments,pods/,
  ],
  [
    'a controller that was not heard of',
    situation({
      pods: [podOf()],
      situation: { controller: { kind: 'stale', leader: 'x', renewedAt: Date.parse(at(-200)), namespace: 'ops' } },
    }),
    'Waiting',
    'controller-absent',
    /last renewed its Lease 3m20s ago \(Lease migrate-io-controller in namespace ops\)/,
  ],
  [
    'another Deployment’s lock',
    situation({ pods: [podOf()], named: busy }),
    'Waiting',
    'lock-busy',
    /lock orders-db/,
    /pod api-1 of Deployment api has had it for 90s/,
    /migrate-io status api -n shop/,
    /migrate-io unlock --lock orders-db -n shop/,
  ],
  [
    'another Deployment’s lock, with its own taken',
    situation({
      record: { number: 5, holder: holderOf(podOf(), 5, 'orders-db') },
      pods: [podOf()],
      named: busy,
    }),
    'Waiting',
    'lock-busy',
  ],
  [
    'a rollout that Kubernetes has not caught up with',
    situation({ pods: [podOf()], situation: { replicaSets: [] } }),
    'Waiting',
    'rollout-unsettled',
  ],
  [
    'a paused Deployment without a revision',
    situation({ spec: { paused: true }, situation: { replicaSets: [] } }),
    'Waiting',
    'paused',
    /rollout resume deployment\/web/,
  ],
  ['a paused one without pods', situation({ spec: { paused: true } }), 'Waiting', 'paused'],
  ['0 replicas', situation({ spec: { replicas: 0 } }), 'Waiting', 'no-replicas', /0 replicas/, /scale deployment\/web/],
  [
    'a quota',
    situation({ facts: { replicaFailure: 'pods "web" is forbidden: exceeded quota: small' } }),
    'Waiting',
    'no-pods',
    /exceeded quota: small/,
  ],
  ['no pod yet', situation({}), 'Waiting', 'no-pods'],
  [
    'a lost record, with all pods running',
    situation({ configMap: undefined, facts: { isRolledOut: true } }),
    'Waiting',
    'record-lost',
    /All its pods are running/,
    /runs the command again/,
    /migrate-io rerun web -n shop/,
  ],
  [
    'an entry that was taken out, with all pods running',
    situation({ facts: { isRolledOut: true } }),
    'Waiting',
    'record-lost',
  ],
  [
    'a recorded revision whose lock somebody wrote into',
    situation({ configMap: { ...configMapOf(DONE), metadata: { ...configMapOf().metadata, managedFields: [] } } }),
    'Migrated',
    'migrated',
  ],
  [
    'an image without a shell',
    situation({
      pods: [
        podWith({
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' } },
          lastState: { terminated: { exitCode: 128, reason: 'StartError', message: NO_SHELL } },
        }),
      ],
    }),
    'Waiting',
    'no-shell',
    /app:1 has no \/bin\/sh/,
    /distroless/,
    /Kubernetes says: .*\/bin\/sh: no such file/,
  ],
  [
    'an image without a shell, as CRI-O says it',
    situation({
      pods: [
        podWith({
          state: {
            waiting: {
              reason: 'CreateContainerError',
              message: 'container create failed: executable file `/bin/sh` not found: No such file or directory',
            },
          },
        }),
      ],
    }),
    'Waiting',
    'no-shell',
  ],
  [
    'a start that fails, in kubelet’s pause before the next',
    situation({
      pods: [
        podWith({
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } },
          lastState: {
            terminated: { exitCode: 128, reason: 'StartError', message: 'chdir to cwd ("/srv/app"): gone' },
          },
        }),
      ],
    }),
    'Waiting',
    'cannot-start',
    /can't start.*chdir to cwd/,
  ],
  [
    'a start that fails after a run, whose own words are left out',
    situation({
      pods: [
        podWith({
          state: { waiting: { reason: 'RunContainerError', message: '' } },
          lastState: { terminated: { exitCode: 1, reason: 'Error', message: `run 4 ${NO_SHELL}` } },
        }),
      ],
    }),
    'Waiting',
    'cannot-start',
    /can't start, so the pod can't run the migration\nFix/,
  ],
  [
    'an earlier init container that can’t be started',
    situation({
      pods: [
        podWith(
          { state: { waiting: { reason: 'PodInitializing' } } },
          {
            name: 'fetch',
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } },
            lastState: { terminated: { exitCode: 128, reason: 'StartError', message: 'exec: "fetch": not found' } },
          },
        ),
      ],
    }),
    'Waiting',
    'cannot-start',
    /Container fetch .* can't start.*exec: "fetch": not found/,
  ],
  [
    'a record with a time that no calendar has',
    situation({ record: { entries: { 'completed.a': JSON.stringify({ ...completed, seconds: 1e15 }) } } }),
    'Migrated',
    'migrated',
  ],
  [
    'a failure with a time at the end of all calendars',
    situation({ record: failed({ next: '-271821-04-20T00:00:00.000Z' }) }),
    'Failed',
    'failed',
  ],
  [
    'an image without sleep',
    situation({ pods: [podWith({ state: { terminated: { exitCode: 69 } } })] }),
    'Waiting',
    'no-sleep',
    /no working sleep/,
  ],
  [
    'an image that can’t be pulled',
    situation({
      pods: [
        podWith({ state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "app:1"' } } }),
      ],
    }),
    'Waiting',
    'image-pull',
    /image app:1/,
    /imagePullSecrets/,
  ],
  [
    'a Secret that is missing',
    situation({
      pods: [
        podWith({ state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "db" not found' } } }),
      ],
    }),
    'Waiting',
    'cannot-start',
    /secret "db" not found/,
  ],
  [
    'an earlier init container that fails',
    situation({
      pods: [
        podWith(
          { state: { waiting: { reason: 'PodInitializing' } } },
          {
            name: 'fetch',
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 2 } },
          },
        ),
      ],
    }),
    'Waiting',
    'earlier-container-fails',
    /fetch/,
    /exit code 2/,
  ],
  [
    'an earlier init container that runs',
    situation({
      pods: [
        podWith(
          { state: { waiting: { reason: 'PodInitializing' } } },
          { name: 'proxy', restartCount: 0, started: true, state: { running: {} } },
          { name: 'fetch', restartCount: 0, started: false, state: { running: {} } },
        ),
      ],
    }),
    'Waiting',
    'earlier-container',
    /fetch/,
  ],
  [
    'an earlier init container that runs, after a start that failed',
    situation({
      pods: [
        podWith(
          { state: { waiting: { reason: 'PodInitializing' } } },
          {
            name: 'fetch',
            restartCount: 1,
            started: false,
            state: { running: {} },
            lastState: { terminated: { exitCode: 128, reason: 'StartError', message: 'exec: "fetch": not found' } },
          },
        ),
      ],
    }),
    'Waiting',
    'earlier-container',
    /fetch/,
  ],
  [
    'a pod without a node',
    situation({
      pods: [
        {
          ...podOf(),
          status: {
            phase: 'Pending',
            conditions: [
              { type: 'PodScheduled', status: 'False', message: '0/3 nodes are available: Insufficient cpu.' },
            ],
          },
        },
      ],
    }),
    'Waiting',
    'unschedulable',
    /Insufficient cpu/,
  ],
  [
    'a pod that starts',
    situation({ pods: [podWith({ state: { waiting: { reason: 'PodInitializing' } } })] }),
    'Waiting',
    'pod-starting',
  ],
  [
    'somebody else’s ConfigMap',
    situation({
      configMap: { ...configMapOf(), metadata: { ...configMapOf().metadata, labels: {} } },
      pods: [podOf()],
    }),
    'Waiting',
    'foreign-configmap',
    /deployment\.web\.migrate-io/,
    /delete configmap/,
  ],
  [
    'a forged grant',
    situation({ pods: [podOf({ grant: 'go' })] }),
    'Waiting',
    'unreadable-grant',
    /kubectl -n shop delete pod web-a-1/,
  ],
  [
    'a namespace without the label',
    situation({ facts: { isInjected: false }, situation: { namespace: { kind: 'seen', label: undefined } } }),
    'NotInjected',
    'namespace-not-labelled',
    /lacks the label migrate\.io\/injection=enabled/,
    /kubectl label namespace shop migrate\.io\/injection=enabled/,
    /rollout restart deployment\/web/,
  ],
  [
    'a namespace with another label',
    situation({ facts: { isInjected: false }, situation: { namespace: { kind: 'seen', label: 'true' } } }),
    'NotInjected',
    'namespace-not-labelled',
    /injection=true, and only the value enabled counts/,
  ],
  [
    'a misspelt annotation',
    situation({ facts: { isInjected: false, hasCommand: false, faults: ['did you mean migrate.io/command?'] } }),
    'NotInjected',
    'bad-annotations',
    /did you mean migrate\.io\/command\?/,
  ],
  [
    'no annotation',
    situation({ facts: { isInjected: false, hasCommand: false } }),
    'NotInjected',
    'no-command',
    /migrate\.io\/command: flask db upgrade/,
  ],
  [
    'one that was there before',
    situation({ facts: { isInjected: false } }),
    'NotInjected',
    'not-yet-injected',
    /rollout restart/,
  ],
  [
    'one in a namespace that may not be read',
    situation({ facts: { isInjected: false }, situation: { namespace: { kind: 'unseen' } } }),
    'NotInjected',
    'not-yet-injected',
    /you don't have permission to read it/,
  ],
  [
    'a shared lock that was lost',
    situation({
      pods: [podOf()],
      named: { lock: 'orders-db', state: { kind: 'lost', configMap: configMapOf(), turn: 0 }, holder: undefined },
    }),
    'Waiting',
    'lock-unsettled',
    /shared lock orders-db was lost/,
  ],
  [
    'the highest run number, written by hand',
    situation({ record: { number: MAX_RUN_NUMBER }, pods: [podOf()] }),
    'Waiting',
    'record-edited',
    /leave number and holder alone/,
  ],
  [
    'a pod of a newer migrate.io',
    situation({ pods: [ofProtocol(podOf(), '2')] }),
    'Waiting',
    'unknown-protocol',
    /Update the controller/,
  ],
  [
    'a volume that nobody can write',
    situation({ pods: [podWith({ state: { terminated: { exitCode: 74 } } })] }),
    'Waiting',
    'cannot-note',
    /does not start the migration/,
  ],
  [
    'a Deployment that is being deleted',
    deleted(situation({ pods: [podOf()] })),
    'Waiting',
    'being-deleted',
    /finalizers/,
  ],
]

function ofProtocol(pod: Pod, protocol: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [PROTOCOL_LABEL]: protocol } } }
}

function deleted(seen: Situation): Situation {
  const { deployment } = seen.facts
  const metadata = { ...deployment.metadata, deletionTimestamp: at(-5) }
  return { ...seen, facts: { ...seen.facts, deployment: { ...deployment, metadata } } }
}
