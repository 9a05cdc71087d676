/** What these tests look at in the objects of the API server. */
export interface Metadata {
  name: string
  namespace?: string
  uid: string
  generation: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: { uid: string }[]
}

export interface Container {
  name: string
  image: string
  command?: string[]
  args?: string[]
  env?: { name: string; value?: string }[]
  resources?: object
  securityContext?: object
  imagePullPolicy?: string
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[]
  [field: string]: unknown
}

export interface PodSpec {
  initContainers?: Container[]
  containers: Container[]
  volumes?: { name: string; [source: string]: unknown }[]
  [field: string]: unknown
}

export interface Template {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: PodSpec
}

export interface Strategy {
  type: string
  rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
}

export interface Deployment {
  metadata: Metadata
  spec: {
    replicas: number
    strategy: Strategy
    progressDeadlineSeconds: number
    selector: { matchLabels: Record<string, string> }
    template: Template
  }
  status: { observedGeneration?: number; conditions?: { type: string; reason: string; message: string }[] }
}

export interface ReplicaSet {
  metadata: Metadata
  spec: { template: Template }
}

export interface Pod {
  metadata: Metadata
  spec: PodSpec
}

export const COMMAND = 'migrate.io/command'
export const APP_IMAGE = 'docker.io/project/my-flask-app'

/** The API server's own, where a manifest states none. */
export const DEFAULT_STRATEGY: Strategy = {
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
}
export const ARTICLE_STRATEGY: Strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }

/** A manifest of the article's Deployment, as it is sent. */
export interface Manifest {
  apiVersion: 'apps/v1'
  kind: 'Deployment'
  metadata: {
    name?: string
    generateName?: string
    labels: Record<string, string>
    annotations?: Record<string, string>
  }
  spec: {
    replicas?: number
    selector: { matchLabels: Record<string, string> }
    strategy?: Strategy
    progressDeadlineSeconds?: number
    template: Template
  }
}

/** The article's Deployment without its hand-made init container, annotated, and with what the test changes. */
export function flask(name: string, change: (manifest: Manifest) => void = () => {}): Manifest {
  const manifest: Manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name }, annotations: { [COMMAND]: 'flask db upgrade' } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'flask', image: APP_IMAGE, ports: [{ containerPort: 5000 }] }] },
      },
    },
  }
  change(manifest)
  return manifest
}

export function withoutAnnotations({ metadata }: Manifest): void {
  delete metadata.annotations
}

/** More annotations, by their name after `migrate.io/`. */
export function annotate({ metadata }: Manifest, settings: Record<string, string>): void {
  const annotations = Object.entries(settings).map(([name, value]) => [`migrate.io/${name}`, value])
  metadata.annotations = { ...metadata.annotations, ...Object.fromEntries(annotations) }
}

/** The app's container. */
export function app({ spec }: { spec: { template: Template } }): Container {
  const [container] = spec.template.spec.containers
  if (!container) throw new Error('there is no container')
  return container
}
