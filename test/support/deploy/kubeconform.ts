import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { findTool } from '../cluster/binaries.ts'
import type { Rendered } from './objects.ts'

export interface Verdict {
  readonly resources: { readonly name: string; readonly status: string; readonly msg: string }[]
  readonly summary: { valid: number; invalid: number; errors: number; skipped: number }
}

/** What kubeconform says of these objects, by the schemas in the folder: strictly, so that no field may be unknown. */
export async function judge(objects: readonly Rendered[], folder: string): Promise<Verdict> {
  const place = `${folder}/{{ .ResourceKind }}{{ .KindSuffix }}.json`
  const args = ['-strict', '-summary', '-output', 'json', '-schema-location', place, '-']
  const child = spawn(await findTool('kubeconform'), args)
  child.stdin.end(objects.map((object) => JSON.stringify(object)).join('\n---\n'))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.equal(stderr, '')
  return JSON.parse(stdout) as Verdict
}
