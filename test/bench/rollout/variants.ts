/** Ways to migrate during a rollout, and two that only roll out: the floors. */
export const VARIANTS = ['article', 'hook', 'ours', 'ours-keep', 'floor-rolling', 'floor-quarter'] as const
export type VariantName = (typeof VARIANTS)[number]

/** `rolling`: maxSurge 1, maxUnavailable 1; `quarter`: 25 % each, Kubernetes' default. */
export type Pace = 'rolling' | 'quarter'

export interface Variant {
  readonly title: string
  readonly pace: Pace
  /** Where the migration is run. `pods`: by an init container of every pod; `nowhere`: that one exits at once. */
  readonly migrates: 'pods' | 'job' | 'ours' | 'nowhere'
}

export const VARIANT: Readonly<Record<VariantName, Variant>> = {
  article: { title: "the article's recipe by hand", pace: 'rolling', migrates: 'pods' },
  hook: { title: 'a Job first, as by a Helm hook', pace: 'quarter', migrates: 'job' },
  ours: { title: 'migrate.io', pace: 'rolling', migrates: 'ours' },
  'ours-keep': { title: 'migrate.io, strategy keep', pace: 'quarter', migrates: 'ours' },
  'floor-rolling': { title: 'floor, 1 and 1', pace: 'rolling', migrates: 'nowhere' },
  'floor-quarter': { title: 'floor, 25 % and 25 %', pace: 'quarter', migrates: 'nowhere' },
}

/** The rollout of the same pace that migrates nothing. */
export function floorOf({ pace }: Variant): VariantName {
  return pace === 'rolling' ? 'floor-rolling' : 'floor-quarter'
}
