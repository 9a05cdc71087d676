import type { Container, Manifest } from '../installation/deployment.ts'

export interface AppOptions {
  /** The image's name. It is there already. */
  readonly image: string
  readonly command: string
  /** More annotations, by their name after `migrate.io/`. */
  readonly settings?: Record<string, string>
  readonly change?: (spec: Manifest['spec']['template']['spec'], app: Container) => void
}

/** A Deployment of one pod, whose app does nothing and ends at once when told to. */
export function app(name: string, { image, command, settings = {}, change = () => {} }: AppOptions): Manifest {
  const annotations = Object.entries({ command, ...settings }).map(([key, value]) => [`migrate.io/${key}`, value])
  const container: Container = {
    name: 'app',
    image,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.2; done"],
  }
  const spec = { terminationGracePeriodSeconds: 30, containers: [container] }
  change(spec, container)
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name }, annotations: Object.fromEntries(annotations) },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  }
}
