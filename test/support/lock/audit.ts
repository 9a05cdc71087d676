import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { auditLogIn } from '../cluster/audit-log.ts'
import type { ClusterOptions } from '../cluster/cluster.ts'

/** A write of the controller's that the API server carried out or refused, as its audit log has it. */
export interface Write {
  readonly verb: string
  /** Such as `pods/status`. */
  readonly resource: string
  readonly namespace: string
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
  /** In the order in which they ended. Leases of the election and Events are left out: no lock waits for them. */
  writes(namespace: string): readonly Write[]
}

/** To be called at the top level of a test file, before its cluster starts. */
export function openAudit(): Audit {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-audit-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const log = auditLogIn(folder)
  const ours: Write[] = []
  return {
    options: log.options,
    writes(namespace) {
      for (const { verb, userAgent, objectRef, responseStatus, requestObject } of log.read())
        if (userAgent === 'migrate-io')
          ours.push({
            verb,
            resource: [objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/'),
            namespace: objectRef?.namespace ?? '',
            name: objectRef?.name ?? '',
            status: responseStatus?.code ?? 0,
            body: (requestObject ?? {}) as Write['body'],
          })
      return ours.filter((write) => write.namespace === namespace && write.resource !== 'events')
    },
  }
}
