import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { pkiFiles } from './certificates.ts'
import { LOOPBACK } from './ports.ts'

export const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const
export type Component = (typeof COMPONENTS)[number]

/** All that the components' command lines follow from; written into the run folder, so that others can connect. */
export interface Setup {
  binaries: Binaries
  ports: { etcd: number; etcdPeer: number; apiServer: number; controllerManager: number }
  /** Appended to the component's own arguments; for a flag given twice, the last one counts. */
  extraArguments: Partial<Record<Component, string[]>>
}

// Without nodes these have nothing to do, or harm: they would delete the pods that a test binds to a node that it made up.
const CONTROLLERS_OFF = [
  'device-taint-eviction-controller',
  'node-ipam-controller',
  'node-lifecycle-controller',
  'persistentvolume-attach-detach-controller',
  'pod-garbage-collector-controller',
  'taint-eviction-controller',
  'ttl-controller',
]

const LOOK_LIMIT_MS = 2000 // one look at whether a component is ready; the next one follows

export function urlOf({ ports }: Setup): string {
  return `https://${LOOPBACK}:${ports.apiServer}`
}

export function controllerManagerKubeconfig(folder: string): string {
  return join(folder, 'controller-manager.kubeconfig')
}

export function argumentsOf(component: Component, folder: string, setup: Setup): string[] {
  const flags = FLAGS[component](folder, setup)
  const own = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  return [...own, ...(setup.extraArguments[component] ?? [])]
}

/** True once the component serves; throws or returns what it says instead while it doesn't. */
export async function isReady(component: Component, folder: string, setup: Setup): Promise<boolean | string> {
  const { etcd, apiServer, controllerManager } = setup.ports
  if (component === 'etcd') {
    const signal = AbortSignal.timeout(LOOK_LIMIT_MS)
    return (await fetch(`http://${LOOPBACK}:${etcd}/readyz`, { signal })).ok
  }
  return component === 'kube-apiserver'
    ? answersOk(`https://${LOOPBACK}:${apiServer}/readyz`, folder)
    : answersOk(`https://${LOOPBACK}:${controllerManager}/healthz`, folder)
}

type Flags = Record<string, string | number | boolean>

const FLAGS: Record<Component, (folder: string, setup: Setup) => Flags> = {
  etcd: (folder, { ports }) => ({
    name: 'default',
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': `http://${LOOPBACK}:${ports.etcd}`,
    'advertise-client-urls': `http://${LOOPBACK}:${ports.etcd}`,
    'listen-peer-urls': `http://${LOOPBACK}:${ports.etcdPeer}`,
    'initial-advertise-peer-urls': `http://${LOOPBACK}:${ports.etcdPeer}`,
    'initial-cluster': `default=http://${LOOPBACK}:${ports.etcdPeer}`,
    'unsafe-no-fsync': true,
    'log-level': 'warn',
  }),
  'kube-apiserver': (folder, { ports }) => {
    const { ca, serving, serviceAccounts } = pkiFiles(folder)
    return {
      'etcd-servers': `http://${LOOPBACK}:${ports.etcd}`,
      'bind-address': LOOPBACK,
      // Otherwise it looks for the address of a default route, which a machine need not have.
      'advertise-address': LOOPBACK,
      'secure-port': ports.apiServer,
      // A loopback address is no valid endpoint of the Service `kubernetes`, and no pod here could use it.
      'endpoint-reconciler-type': 'none',
      'tls-cert-file': serving.certificate,
      'tls-private-key-file': serving.key,
      'client-ca-file': ca.certificate,
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-key-file': serviceAccounts.publicKey,
      'service-account-signing-key-file': serviceAccounts.key,
      'service-cluster-ip-range': '10.0.0.0/24',
      'authorization-mode': 'RBAC',
      'allow-privileged': true,
    }
  },
  'kube-controller-manager': (folder, { ports }) => {
    const { ca, serving, serviceAccounts } = pkiFiles(folder)
    const kubeconfig = controllerManagerKubeconfig(folder)
    return {
      kubeconfig,
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'bind-address': LOOPBACK,
      'secure-port': ports.controllerManager,
      'tls-cert-file': serving.certificate,
      'tls-private-key-file': serving.key,
      'root-ca-file': ca.certificate,
      'service-account-private-key-file': serviceAccounts.key,
      'use-service-account-credentials': true,
      'leader-elect': false,
      controllers: ['*', ...CONTROLLERS_OFF.map((name) => `-${name}`)].join(','),
      // Its defaults spare large clusters; here a test waits.
      'kube-api-qps': 500,
      'kube-api-burst': 1000,
      'resource-quota-sync-period': '5s',
      'namespace-sync-period': '10s',
    }
  },
}

function answersOk(url: string, folder: string): Promise<boolean | string> {
  // With the cluster's own authority, so that nobody else's server on this port is taken for ours.
  const agent = new Agent({ ca: readFileSync(pkiFiles(folder).ca.certificate) })
  return new Promise((resolve, reject) => {
    get(url, { agent, signal: AbortSignal.timeout(LOOK_LIMIT_MS) }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? true : `status ${response.statusCode}`)
    }).once('error', reject)
  })
}
