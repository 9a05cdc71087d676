import { readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import type { Generated } from '../generated.ts'
import { root } from '../root.ts'
import { dashboard } from './dashboard.ts'

const RULES = 'deploy/monitoring/rules.yaml'

/** The alerts for the Prometheus operator, and what the chart, which reads no file outside its folder, has of it all. */
export function copies(): readonly Generated[] {
  const text = readFileSync(`${root}/${RULES}`, 'utf8')
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: 'migrate-io',
      namespace: 'migrate-io',
      labels: { 'app.kubernetes.io/name': 'migrate-io', 'app.kubernetes.io/component': 'metrics' },
    },
    spec: parse(text) as object,
  }
  return [
    {
      path: 'deploy/monitoring/prometheus-rule.yaml',
      text: `# Made from rules.yaml by \`npm run generate\`.\n${stringify(rule, { lineWidth: 0 })}`,
    },
    {
      path: 'deploy/chart/files/rules.yaml',
      text: `# Made from ${RULES} by \`npm run generate\`.\n${stringify(rule.spec, { lineWidth: 0 })}`,
    },
    { path: 'deploy/chart/files/dashboard.json', text: dashboard().text },
  ]
}
