import { readFileSync } from 'node:fs'
import { root } from '../tooling/root.ts'
import { readRules } from './rules.ts'

const RATE_INTERVAL = '10m' // for Grafana's $__rate_interval: longer than the test, so that all that happened in it counts

/** An expression and where it stands. */
export interface Expression {
  readonly where: string
  readonly expr: string
}

interface Panel {
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

/** Of the dashboard, rows included. */
export function readPanels(): readonly Panel[] {
  const { panels } = JSON.parse(readFileSync(`${root}/deploy/monitoring/dashboard.json`, 'utf8')) as { panels: Panel[] }
  return panels
}

export function dashboardExpressions(): readonly Expression[] {
  return readPanels().flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: title, expr: expr.replaceAll('$__rate_interval', RATE_INTERVAL) })),
  )
}

/**
 * What the alerts compare with a limit: each side of an `or`, without the limit. `absent(…)` stands beside what it is about
 * and has data only where that has none.
 */
export function alertOperands(): readonly Expression[] {
  return readRules().flatMap(({ alert, expr }) =>
    expr
      .split(/^or$/m)
      .map((side) => side.trim().replace(/ [<>] [\d *]+$/, ''))
      .filter((side) => !side.startsWith('absent('))
      .map((side) => ({ where: alert, expr: side })),
  )
}
