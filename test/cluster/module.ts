import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the go.mod that names every program and its version. */
export const MODULE_FOLDER = fileURLToPath(new URL('binaries/kubernetes', import.meta.url))

export const PACKAGES: Record<string, string> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
}

export interface KubernetesModule {
  /** Such as v1.37.2. */
  version: string
  /** Such as 1.37. */
  minor: string
  /** What the results depend on: the texts of go.mod and go.sum. */
  texts: string[]
}

export function kubernetesModule(): KubernetesModule {
  const [goMod = '', goSum = ''] = ['go.mod', 'go.sum'].map((name) => readFileSync(`${MODULE_FOLDER}/${name}`, 'utf8'))
  const [, version, minor] = /^\s*k8s\.io\/kubernetes (v(\d+\.\d+)\.\S+)/m.exec(goMod) ?? []
  if (version === undefined || minor === undefined)
    throw new Error(`${MODULE_FOLDER}/go.mod requires no k8s.io/kubernetes`)
  return { version, minor, texts: [goMod, goSum] }
}
