import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { root } from '../tooling/root.ts'

export const RULES_FILE = `${root}/deploy/monitoring/rules.yaml`

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** All alerts, as Prometheus reads them. */
export function readRules(): readonly Rule[] {
  const { groups } = parse(readFileSync(RULES_FILE, 'utf8')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}
