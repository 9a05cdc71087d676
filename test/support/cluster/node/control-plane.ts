import { join } from 'node:path'
import { pkiFiles } from '../certificates.ts'
import { argumentsOf, type Setup } from '../components.ts'
import { answersOk } from '../look.ts'
import { LOOPBACK } from '../ports.ts'
import type { Program } from '../program.ts'
import type { Range } from './range.ts'
import type { NodeSetup } from './setup.ts'

// Pods have their addresses from the node's own settings, and there are no volumes to attach.
const CONTROLLERS_OFF = ['node-ipam-controller', 'persistentvolume-attach-detach-controller']

/** What nodes change in the flags of the control plane. */
export function nodeLevelFlags(folder: string, range: Range): Setup['flags'] {
  const { ca, kubeletClient } = pkiFiles(folder)
  return {
    'kube-apiserver': {
      // The Service `kubernetes` leads to the address that pods can reach.
      'endpoint-reconciler-type': 'lease',
      'service-cluster-ip-range': range.services,
      'authorization-mode': 'Node,RBAC',
      'enable-admission-plugins': 'NodeRestriction',
      'kubelet-client-certificate': kubeletClient.certificate,
      'kubelet-client-key': kubeletClient.key,
      'kubelet-certificate-authority': ca.certificate,
      'kubelet-preferred-address-types': 'InternalIP',
    },
    'kube-controller-manager': {
      controllers: ['*', ...CONTROLLERS_OFF.map((name) => `-${name}`)].join(','),
      // A node renews its lease every 2 s; ten of them missed on a busy machine mean that it's away.
      'node-monitor-period': '1s',
      'node-monitor-grace-period': '20s',
    },
  }
}

export function schedulerKubeconfig(folder: string): string {
  return join(folder, 'scheduler.kubeconfig')
}

export function schedulerProgram(folder: string, { ports, nodeBinaries, extraArguments }: NodeSetup): Program {
  const { serving } = pkiFiles(folder)
  const kubeconfig = schedulerKubeconfig(folder)
  const flags = {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': LOOPBACK,
    'secure-port': ports.scheduler,
    'tls-cert-file': serving.certificate,
    'tls-private-key-file': serving.key,
    'leader-elect': false,
    'kube-api-qps': 500,
    'kube-api-burst': 1000,
  }
  const command = [nodeBinaries['kube-scheduler'], ...argumentsOf(flags), ...(extraArguments['kube-scheduler'] ?? [])]
  const url = `https://${LOOPBACK}:${ports.scheduler}/readyz`
  return { name: 'kube-scheduler', command, isReady: () => answersOk(url, folder) }
}
