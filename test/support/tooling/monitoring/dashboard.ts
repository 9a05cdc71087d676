import type { Generated } from '../generated.ts'
import { type Panel, ROWS } from './panels.ts'

const COLUMNS = 24 // Grafana's grid
const HEIGHT = { stat: 4, timeseries: 8, table: 8 } as const
const SCHEMA_VERSION = 39 // Grafana 10.4 and later read it
const DATASOURCE = { type: 'prometheus', uid: '$datasource' }

/** The dashboard as Grafana imports it. */
export function dashboard(): Generated {
  const panels: object[] = []
  let y = 0
  for (const { title, panels: inRow } of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: [],
    })
    const isStats = inRow.every(({ kind }) => kind === 'stat')
    const w = Math.floor(COLUMNS / (isStats ? inRow.length : 3))
    let x = 0
    for (const panel of inRow) {
      const h = HEIGHT[panel.kind]
      if (x + w > COLUMNS) {
        x = 0
        y += h
      }
      panels.push({ id: panels.length + 1, ...drawn(panel), gridPos: { x, y, w, h } })
      x += w
    }
    y += HEIGHT[inRow[0]?.kind ?? 'timeseries']
  }
  const text = {
    uid: 'migrate-io',
    title: 'migrate.io',
    description: 'Migrations of Deployments: what runs, what waits for what, what failed.',
    tags: ['migrate-io', 'kubernetes'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }] },
    links: [
      {
        title: 'What to do',
        type: 'link',
        url: 'https://github.com/migrate-io/migrate-io/blob/main/docs/how-to/monitoring.md',
        targetBlank: true,
      },
    ],
    panels,
  }
  return { path: 'deploy/monitoring/dashboard.json', text: `${JSON.stringify(text, undefined, 2)}\n` }
}

function drawn({ title, description, kind, unit, queries, badFrom, goodFrom }: Panel): object {
  return {
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      ...(legend !== undefined && { legendFormat: legend }),
      ...(kind === 'table' && { format: 'table', instant: true }),
    })),
    fieldConfig: {
      defaults: { unit, ...(kind === 'stat' ? thresholds(badFrom, goodFrom) : COLOUR_BY_SERIES) },
      overrides: [],
    },
    options: OPTIONS[kind],
  }
}

const OPTIONS = {
  stat: { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'background', graphMode: 'none' },
  timeseries: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  table: {},
} as const
const COLOUR_BY_SERIES = { color: { mode: 'palette-classic' }, min: 0 }

function thresholds(badFrom: number | undefined, goodFrom: number | undefined): object {
  const [below, above] = badFrom !== undefined ? ['green', 'red'] : goodFrom !== undefined ? ['red', 'green'] : ['blue']
  const from = badFrom ?? goodFrom
  const steps = [{ color: below, value: null }, ...(from === undefined ? [] : [{ color: above, value: from }])]
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } }
}
