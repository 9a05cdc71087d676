import { join } from 'node:path'
import { issue, makeAuthority, makeKeyPair, type Pair } from './authority.ts'
import { LOOPBACK } from './ports.ts'

/** The files in the run folder's `pki`. */
export function pkiFiles(folder: string) {
  const file = (name: string) => join(folder, 'pki', name)
  const pair = (name: string): Pair => ({ certificate: file(`${name}.crt`), key: file(`${name}.key`) })
  return {
    ca: pair('ca'),
    serving: pair('serving'),
    admin: pair('admin'),
    controllerManager: pair('controller-manager'),
    scheduler: pair('scheduler'),
    /** What the API server shows to a kubelet. */
    kubeletClient: pair('kubelet-client'),
    kubeProxy: pair('kube-proxy'),
    kubelet: (node: string) => pair(node),
    kubeletServing: (node: string) => pair(`${node}-serving`),
    serviceAccounts: { publicKey: file('service-accounts.pub'), key: file('service-accounts.key') },
  }
}

/**
 * Makes a certificate authority and all that the control plane needs of it, as PEM files in the run folder.
 * @param addresses at which the API server is reached besides the loopback address
 */
export async function makePki(folder: string, addresses: string[] = []): Promise<void> {
  const files = pkiFiles(folder)
  await makeAuthority(files.ca)
  const client = (to: Pair, subject: string) => issue(files.ca, to, { subject })
  const names = ['localhost', 'kubernetes.default.svc']
  await Promise.all([
    issue(files.ca, files.serving, { subject: 'CN=migrate-io-test', addresses: [LOOPBACK, ...addresses], names }),
    client(files.admin, 'CN=admin, O=system:masters'),
    client(files.controllerManager, 'CN=system:kube-controller-manager'),
    makeKeyPair(files.serviceAccounts),
  ])
}

/** What the node level adds to the control plane's certificates. */
export async function addNodeLevelPki(folder: string): Promise<void> {
  const { ca, scheduler, kubeletClient, kubeProxy } = pkiFiles(folder)
  await Promise.all([
    issue(ca, scheduler, { subject: 'CN=system:kube-scheduler' }),
    issue(ca, kubeletClient, { subject: 'CN=kube-apiserver, O=system:masters' }),
    issue(ca, kubeProxy, { subject: 'CN=system:kube-proxy' }),
  ])
}

/** Who a kubelet is to the API server, and what it shows when the API server calls it for logs and exec. */
export async function addNodePki(folder: string, node: string, address: string): Promise<void> {
  const { ca, kubelet, kubeletServing } = pkiFiles(folder)
  await Promise.all([
    issue(ca, kubelet(node), { subject: `CN=system:node:${node}, O=system:nodes` }),
    issue(ca, kubeletServing(node), { subject: `CN=${node}`, addresses: [address], names: [node] }),
  ])
}
