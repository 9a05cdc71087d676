import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { stringify } from 'yaml'
import type { ClusterOptions } from '../cluster/cluster.ts'

const VERBS = ['create', 'update', 'patch', 'delete', 'deletecollection']

/** A write of the controller's that the API server carried out or refused, as its audit log has it. */
export interface Write {
  readonly verb: string
  /** Such as `pods/status`. */
  readonly resource: string
  readonly name: string
  readonly status: number
  /** What was sent. */
  readonly body: {
    readonly metadata?: { readonly annotations?: Record<string, string | null> }
    readonly data?: object
  }
}

/** The API server's own account of what the controller writes. */
export interface Audit {
  /** For the start of the cluster. */
  readonly options: ClusterOptions
  /** In the order in which they ended. Leases of the election are left out. */
  writes(namespace: string): readonly Write[]
}

interface AuditEvent {
  readonly verb: string
  readonly userAgent?: string
  readonly objectRef?: { resource: string; subresource?: string; namespace?: string; name?: string }
  readonly responseStatus?: { code?: number }
  readonly requestObject?: Write['body']
}

/** To be called at the top level of a test file, before its cluster starts. */
export function openAudit(): Audit {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-audit-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const [policyFile, logFile] = [join(folder, 'policy.yaml'), join(folder, 'audit.log')]
  const ours = {
    level: 'Request',
    verbs: VERBS,
    resources: [{ group: '', resources: ['configmaps', 'pods', 'pods/status', 'events'] }, { group: 'apps' }],
  }
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [ours, { level: 'None' }],
  }
  writeFileSync(policyFile, stringify(policy))
  return {
    // Its mode is `blocking` by default: whatever was answered is in the file.
    options: {
      extraArguments: { 'kube-apiserver': [`--audit-policy-file=${policyFile}`, `--audit-log-path=${logFile}`] },
    },
    writes: (namespace) =>
      (existsSync(logFile) ? readFileSync(logFile, 'utf8').split('\n').filter(Boolean) : [])
        .map((line) => JSON.parse(line) as AuditEvent)
        .filter(({ userAgent, objectRef }) => userAgent === 'migrate-io' && objectRef?.namespace === namespace)
        .map(({ verb, objectRef, responseStatus, requestObject }) => ({
          verb,
          resource: [objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/'),
          name: objectRef?.name ?? '',
          status: responseStatus?.code ?? 0,
          body: requestObject ?? {},
        })),
  }
}
