import type { Generated } from '../generated.ts'
import { annotationsPage } from './annotations.ts'
import { chartValuesPage } from './chart-values.ts'
import { cliPage } from './cli.ts'
import { eventsPage } from './events.ts'
import { reasonsPage } from './reasons.ts'

/** The pages of docs/reference that are made from the program and the chart. */
export function referencePages(): readonly Generated[] {
  return [annotationsPage(), reasonsPage(), eventsPage(), cliPage(), chartValuesPage()]
}
