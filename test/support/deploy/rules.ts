import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { root } from '../tooling/root.ts'

export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** All that the controller may do without regard to certificates, as it is installed: cluster-wide, then in its namespace. */
export const CONTROLLER_RULES: readonly Rule[] = parseAllDocuments(
  readFileSync(`${root}/deploy/base/rbac.yaml`, 'utf8'),
).flatMap((document) => (document.toJS() as { rules?: Rule[] }).rules ?? [])

/** The same with other verbs for one resource; with none it may do nothing with it. */
export function rulesWith(resource: string, verbs: readonly string[]): Rule[] {
  const isAbout = (rule: Rule) => rule.resources.includes(resource)
  if (!CONTROLLER_RULES.some(isAbout)) throw new Error(`no rule is about ${resource}`)
  return CONTROLLER_RULES.flatMap((rule) => (isAbout(rule) ? (verbs.length > 0 ? [{ ...rule, verbs }] : []) : [rule]))
}
