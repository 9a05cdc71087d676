import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { addNodePki, pkiFiles } from '../certificates.ts'
import { writeKubeconfig } from '../kubeconfig.ts'
import { answersOk } from '../look.ts'
import type { Program } from '../program.ts'
import { namesOf } from './names.ts'
import type { Place } from './place.ts'

const HEALTH_PORT = 10248

/** Below it are the node's pods. */
export function cgroupOf({ folder, name }: Pick<Place, 'folder' | 'name'>): string {
  return `${namesOf(folder).cgroup}/${name}`
}

export function kubeletProgram(place: Place, binary: string, extraArguments: string[]): Program {
  const { folder, name, home, address, init } = place
  const own = [
    `--config=${join(home, 'kubelet.yaml')}`,
    `--kubeconfig=${join(home, 'kubelet.kubeconfig')}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
  ]
  return {
    name: `${name}.kubelet`,
    command: [binary, ...own, ...extraArguments],
    machine: init(),
    isReady: () => answersOk(`http://${address}:${HEALTH_PORT}/healthz`, folder),
  }
}

/** Writes kubelet's settings and identity. */
export async function configureKubelet(place: Place, url: string): Promise<void> {
  const { folder, name, home, address } = place
  await addNodePki(folder, name, address)
  const { ca, kubelet, kubeletServing } = pkiFiles(folder)
  writeKubeconfig(join(home, 'kubelet.kubeconfig'), folder, url, kubelet(name))
  const serving = kubeletServing(name)
  const settings = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    address,
    healthzBindAddress: address,
    healthzPort: HEALTH_PORT,
    tlsCertFile: serving.certificate,
    tlsPrivateKeyFile: serving.key,
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: ca.certificate } },
    authorization: { mode: 'Webhook' },
    cgroupRoot: `/${cgroupOf(place)}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    // The machine isn't the node's alone, so nothing of it is set aside for pods and none is evicted before it's full.
    enforceNodeAllocatable: [],
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    // There are no name servers; pods find Services by their environment.
    resolvConf: '',
    clusterDNS: [],
    maxPods: 200,
    // A dead node is noticed in seconds; see the controller manager's flags. The lease is renewed at a quarter of it.
    nodeLeaseDurationSeconds: 8,
    nodeStatusUpdateFrequency: '3s',
    nodeStatusReportFrequency: '3s',
    // Its defaults spare large clusters; here a test waits.
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    registryPullQPS: 0,
    eventRecordQPS: 0,
  }
  writeFileSync(join(home, 'kubelet.yaml'), stringify(settings))
}
