import { busyboxImage } from '../images/images.ts'
import type { NodeCluster } from './cluster.ts'

const LIMIT_SECONDS = 90

/** Applies a pod whose one container runs a shell script from the busybox image. Returns when it is ready. */
export async function runScript(
  cluster: Pick<NodeCluster, 'kubectl' | 'loadImage'>,
  name: string,
  script: string,
  spec: Record<string, unknown> = {},
): Promise<void> {
  const image = await busyboxImage()
  await cluster.loadImage(image.file)
  const container = { name: 'app', image: image.name, command: ['sh', '-c', script], imagePullPolicy: 'Never' }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container], ...spec },
  }
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(pod) })
  await cluster.kubectl(['wait', `pod/${name}`, '--for=condition=Ready', `--timeout=${LIMIT_SECONDS}s`])
}
