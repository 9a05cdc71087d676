import type { ConfigMap, Metadata, Pod } from '../../../src/kube/objects.ts'

export function metadata(name: string, version: number, more: Partial<Metadata> = {}): Metadata {
  return { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: String(version), ...more }
}

export function configMap(name: string, version: number, data: Record<string, string> = {}): ConfigMap {
  return { metadata: metadata(name, version), data }
}

export function pod(name: string, version: number, more: Partial<Metadata> = {}): Pod {
  return { metadata: metadata(name, version, more), spec: {}, status: { phase: 'Pending' } }
}

/** One line of a watch. */
export function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`
}

export function list(items: object[], version: number, more?: string): object {
  return { kind: 'PodList', metadata: { resourceVersion: String(version), ...(more ? { continue: more } : {}) }, items }
}
