import { KubeError } from '../kube/api.ts'

/** @returns undefined where a permission is missing without which the rest is still worth telling */
export async function unlessForbidden<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof KubeError && error.code === 'forbidden') return undefined
    throw error
  }
}
