import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { pkiFiles } from '../certificates.ts'
import { writeKubeconfig } from '../kubeconfig.ts'
import { answersOk } from '../look.ts'
import type { Program } from '../program.ts'
import type { Place } from './place.ts'

const HEALTH_PORT = 10256

/** Ready means that the rules for all Services have been written once. */
export function kubeProxyProgram(place: Place, binary: string, extraArguments: string[]): Program {
  const { folder, name, home, address, init } = place
  return {
    name: `${name}.kube-proxy`,
    command: [binary, `--config=${join(home, 'kube-proxy.yaml')}`, ...extraArguments],
    machine: init(),
    isReady: () => answersOk(`http://${address}:${HEALTH_PORT}/healthz`, folder),
  }
}

/** Writes kube-proxy's settings and kubeconfig. */
export function configureKubeProxy({ folder, name, home, address, range }: Place, url: string): void {
  const kubeconfig = join(home, 'kube-proxy.kubeconfig')
  writeKubeconfig(kubeconfig, folder, url, pkiFiles(folder).kubeProxy)
  const settings = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig },
    hostnameOverride: name,
    clusterCIDR: range.pods,
    healthzBindAddress: `${address}:${HEALTH_PORT}`,
    metricsBindAddress: '127.0.0.1:10249',
    nftables: { syncPeriod: '30s', minSyncPeriod: '0s' },
    // These are the kernel's for the whole machine; 0 leaves them as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
  writeFileSync(join(home, 'kube-proxy.yaml'), stringify(settings))
}
