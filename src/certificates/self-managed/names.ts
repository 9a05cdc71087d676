export interface ServiceName {
  readonly namespace: string
  readonly service: string
}

/**
 * The names by which a Service is called; the API server uses the third.
 * https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
 */
export function namesOf({ namespace, service }: ServiceName): readonly string[] {
  const inNamespace = `${service}.${namespace}`
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.cluster.local`]
}
