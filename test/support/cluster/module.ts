import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A go.mod under binaries/, which names programs and their versions; no Go code of ours. */
export interface GoModule {
  /** The folder of its go.mod. */
  readonly folder: string
  /** Names the folder in the cache, such as kubernetes-v1.37.2. */
  readonly name: string
  /** What is built of it and how long that takes, in words. */
  readonly about: string
  /** The package of each program. */
  readonly packages: Readonly<Record<string, string>>
  /** What `go install` is called with, the packages left out. */
  readonly installArguments: readonly ['install', ...flags: string[]]
  /** What the results depend on: the texts of go.mod and go.sum. */
  readonly texts: readonly string[]
}

export interface KubernetesModule extends GoModule {
  /** Such as 1.37. */
  readonly minor: string
}

/** The programs of a control plane and its node. */
export function kubernetesModule(): KubernetesModule {
  const { folder, texts } = read('kubernetes')
  const [, version, minor] = /^\s*k8s\.io\/kubernetes (v(\d+\.\d+)\.\S+)/m.exec(texts[0] ?? '') ?? []
  if (version === undefined || minor === undefined) throw new Error(`${folder}/go.mod requires no k8s.io/kubernetes`)
  const [gitMajor, gitMinor] = minor.split('.')
  // Without these the programs call themselves v0.0.0, and clients refuse to talk to them.
  const facts = Object.entries({ gitVersion: version, gitMajor, gitMinor })
  const flags = ['-s', '-w', ...facts.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)]
  return {
    folder,
    texts,
    minor,
    name: `kubernetes-${version}`,
    about: `of Kubernetes ${version}, once: the first time takes about 10 minutes on two cores`,
    packages: {
      etcd: 'go.etcd.io/etcd/server/v3',
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
    },
    installArguments: ['install', '-trimpath', '-ldflags', flags.join(' ')],
  }
}

/** The programs that look at what is installed. */
export function toolboxModule(): GoModule {
  return {
    ...read('toolbox'),
    name: 'toolbox',
    about: 'once: the first time takes 1 to 3 minutes each on two cores',
    packages: {
      helm: 'helm.sh/helm/v4/cmd/helm',
      kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform',
      prometheus: 'github.com/prometheus/prometheus/cmd/prometheus',
      promtool: 'github.com/prometheus/prometheus/cmd/promtool',
    },
    // Prometheus without the clients of all clouds in which it could look for targets, but with Kubernetes'.
    installArguments: ['install', '-trimpath', '-tags', 'remove_all_sd,enable_kubernetes_sd', '-ldflags', '-s -w'],
  }
}

function read(name: string): Pick<GoModule, 'folder' | 'texts'> {
  const folder = fileURLToPath(new URL(`binaries/${name}`, import.meta.url))
  return { folder, texts: ['go.mod', 'go.sum'].map((file) => readFileSync(`${folder}/${file}`, 'utf8')) }
}
