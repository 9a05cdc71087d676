import type { DeploymentStatus } from './status.ts'

/** Remembers what was told of each Deployment, and picks those of which there is news. */
export class Changes {
  readonly #told = new Map<string, string>()

  /** Those that differ in more than the time that has gone by since they were given to this function. */
  of(statuses: readonly DeploymentStatus[]): readonly DeploymentStatus[] {
    return statuses.filter(({ namespace, deployment, state, reason, revision, attempt, runner }) => {
      const key = `${namespace}/${deployment}`
      const mark = [state, reason, revision, attempt, runner?.pod].join(' ')
      if (this.#told.get(key) === mark) return false
      this.#told.set(key, mark)
      return true
    })
  }
}
