import type { Situation } from './situation.ts'

/** Whether no controller is at work, as far as can be seen. */
export function isAbsent({ controller }: Pick<Situation, 'controller'>): boolean {
  return controller.kind === 'absent' || controller.kind === 'stale'
}
