import { join } from 'node:path'
import type { ServerBinaries } from './binaries.ts'
import { pkiFiles } from './certificates.ts'
import { answersOk } from './look.ts'
import { LOOPBACK } from './ports.ts'
import type { Program } from './program.ts'

export const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const
export type Component = (typeof COMPONENTS)[number]

/** All that the components' command lines follow from; written into the run folder, so that others can connect. */
export interface Setup {
  /** Without kube-controller-manager where none runs. */
  binaries: ServerBinaries & { 'kube-controller-manager'?: string }
  ports: Record<'etcd' | 'etcdPeer' | 'apiServer' | 'controllerManager' | 'scheduler', number>
  /** Where the API server listens. */
  address: string
  /** What another level sets, over what is set here. */
  flags: Partial<Record<Component, Flags>>
  /** Appended to the component's own arguments; for a flag given twice, the last one counts. */
  extraArguments: Partial<Record<string, string[]>>
}

/** Those of this cluster, in the order in which they start. */
export function componentsOf({ binaries }: Setup): readonly Component[] {
  return COMPONENTS.filter((component) => binaries[component] !== undefined)
}

export type Flags = Record<string, string | number | boolean>

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

export function urlOf({ address, ports }: Setup): string {
  return `https://${address}:${ports.apiServer}`
}

export function controllerManagerKubeconfig(folder: string): string {
  return join(folder, 'controller-manager.kubeconfig')
}

export function programOf(component: Component, folder: string, setup: Setup): Program {
  const flags = { ...FLAGS[component](folder, setup), ...setup.flags[component] }
  const { etcd, controllerManager } = setup.ports
  const healthUrls = {
    etcd: `http://${LOOPBACK}:${etcd}/readyz`,
    'kube-apiserver': `${urlOf(setup)}/readyz`,
    'kube-controller-manager': `https://${LOOPBACK}:${controllerManager}/healthz`,
  }
  const program = setup.binaries[component]
  if (program === undefined) throw new Error(`this cluster has no ${component}`)
  return {
    name: component,
    command: [program, ...argumentsOf(flags), ...(setup.extraArguments[component] ?? [])],
    isReady: () => answersOk(healthUrls[component], folder),
  }
}

export function argumentsOf(flags: Flags): string[] {
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
}

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
  'kube-apiserver': (folder, { address, ports }) => {
    const { ca, serving, serviceAccounts } = pkiFiles(folder)
    return {
      'etcd-servers': `http://${LOOPBACK}:${ports.etcd}`,
      'bind-address': address,
      // Otherwise it looks for the address of a default route, which a machine need not have.
      'advertise-address': address,
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
