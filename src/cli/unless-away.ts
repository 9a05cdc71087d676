import { KubeError } from '../kube/api.ts'

/** Lets a command that goes on for a while bear an API server that is away for some of it; it says so once at a time. */
export class UnlessAway {
  #said = ''

  /** @returns undefined where the API server does not answer. Throws all other failures. */
  async try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work()
      this.#said = ''
      return result
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'unavailable') throw error
      if (error.message !== this.#said) process.stderr.write(`${error.message}; asking again\n`)
      this.#said = error.message
      return undefined
    }
  }
}
