import { closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { ClusterOptions } from './cluster.ts'

const VERBS = ['create', 'update', 'patch', 'delete', 'deletecollection']
const CORE = ['configmaps', 'pods', 'pods/status', 'pods/binding', 'events']
const MAX_MEGABYTES = 4_000 // never begun anew while it is read
const NEWLINE = 0x0a

/** A write that the API server carried out or refused (audit.k8s.io/v1), without who asked for it beyond its program. */
export interface AuditEvent {
  readonly verb: string
  readonly userAgent?: string
  readonly objectRef?: {
    readonly resource: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
  /** What was sent. */
  readonly requestObject?: unknown
  /** Microseconds in RFC 3339. */
  readonly requestReceivedTimestamp: string
  /** When the answer was on its way: whatever was to be stored is stored. */
  readonly stageTimestamp: string
}

/** The API server's own account of all writes about workloads. */
export interface AuditLog {
  /** For the start of the cluster. */
  readonly options: ClusterOptions
  /** Those since the last call, in the order in which they ended. */
  read(): readonly AuditEvent[]
}

/** @param folder of the caller's own; policy and log are put there */
export function auditLogIn(folder: string): AuditLog {
  const [policyFile, logFile] = [join(folder, 'policy.yaml'), join(folder, 'audit.log')]
  const resources = [{ group: '', resources: CORE }, { group: 'apps' }, { group: 'batch', resources: ['jobs'] }]
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
    rules: [{ level: 'Request', verbs: VERBS, resources }, { level: 'None' }],
  }
  writeFileSync(policyFile, stringify(policy))
  let offset = 0
  return {
    // Its mode is `blocking` by default: whatever was answered is in the file.
    options: {
      extraArguments: {
        'kube-apiserver': [
          `--audit-policy-file=${policyFile}`,
          `--audit-log-path=${logFile}`,
          `--audit-log-maxsize=${MAX_MEGABYTES}`,
        ],
      },
    },
    read() {
      const added = existsSync(logFile) ? contentFrom(logFile, offset) : Buffer.alloc(0)
      // The last line may be half written.
      const whole = added.subarray(0, added.lastIndexOf(NEWLINE) + 1)
      offset += whole.length
      const lines = whole.toString('utf8').split('\n').filter(Boolean)
      return lines.map((line) => JSON.parse(line) as AuditEvent)
    },
  }
}

function contentFrom(file: string, offset: number): Buffer {
  const descriptor = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(fstatSync(descriptor).size - offset)
    return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, offset))
  } finally {
    closeSync(descriptor)
  }
}
