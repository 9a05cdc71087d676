import jsonPatch from 'fast-json-patch'
import type { JsonObject } from '../json.ts'

// The API server cuts a longer warning, and drops what goes beyond the total.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
const WARNING_MAX_CHARACTERS = 256
const WARNINGS_MAX_CHARACTERS = 4096
// Some 80 problems. Each unknown annotation is one, and ten times as long as the annotation: without a limit, answers that
// their senders don't read would take more memory than all bodies may.
const PROBLEMS_MAX_CHARACTERS = 16_384

/** The patch as the API server takes it (RFC 6902, base64), or '' where nothing changed. Both are plain JSON, without undefined. */
export function patchBetween(sent: JsonObject, wanted: JsonObject): string {
  if (sent === wanted) return ''
  const operations = jsonPatch.compare(sent, wanted)
  return operations.length === 0 ? '' : Buffer.from(JSON.stringify(operations)).toString('base64')
}

/** The AdmissionReview that lets the request through, as text; `patch` as from `patchBetween`. */
export function allowed(uid: string, patch: string, warnings: readonly string[]): string {
  const patched = patch === '' ? '' : `,"patchType":"JSONPatch","patch":"${patch}"`
  return review(`"uid":${JSON.stringify(uid)},"allowed":true${patched}`, warnings)
}

/** The AdmissionReview that denies it, as text: each problem a line of its own under the heading. */
export function denied(uid: string, heading: string, problems: readonly string[], warnings: readonly string[]): string {
  const message = [heading, ...readable(problems).map((problem) => `- ${problem}`)].join('\n')
  // 422 Invalid is what the API server's own validation answers, so that clients treat it alike.
  const status = JSON.stringify({ code: 422, reason: 'Invalid', message })
  return review(`"uid":${JSON.stringify(uid)},"allowed":false,"status":${status}`, warnings)
}

function review(response: string, warnings: readonly string[]): string {
  const warned = warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(withinLimits(warnings))}`
  return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{${response}${warned}}}`
}

/** As many of the problems as a person reads. Where they don't all fit, the last line says how many are left out. */
function readable(problems: readonly string[]): string[] {
  const kept: string[] = []
  let room = PROBLEMS_MAX_CHARACTERS
  for (const problem of problems) {
    room -= problem.length
    if (room < 0) return [...kept, `and ${problems.length - kept.length} more`]
    kept.push(problem)
  }
  return kept
}

/** The warnings as the API server takes them. Where they don't all fit, the last says how many are left out. */
function withinLimits(warnings: readonly string[]): string[] {
  const lines = warnings.map(oneLine)
  const kept: string[] = []
  let room = WARNINGS_MAX_CHARACTERS
  for (const [index, line] of lines.entries()) {
    const rest = `and ${lines.length - index} more warnings`
    const isLast = index === lines.length - 1
    if (line.length + (isLast ? 0 : rest.length) > room) return [...kept, rest]
    kept.push(line)
    room -= line.length
  }
  return kept
}

// Warnings travel as an HTTP header, where a control character makes the API server drop the whole warning.
function oneLine(warning: string): string {
  const line = warning.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
  if (line.length <= WARNING_MAX_CHARACTERS) return line
  const cut = line.slice(0, WARNING_MAX_CHARACTERS - 1)
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}
