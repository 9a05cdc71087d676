import { atOwnersEnd } from './owner-end.ts'
import { detachRunFolder, makeRunFolder, removeRunFolder } from './run-folder.ts'

export interface FolderOptions {
  /** Where the run folder is made. Default: the system's temporary folder. */
  parent?: string
  /** The cluster outlives this process. */
  detached?: boolean
}

export interface Owned {
  folder: string
  /** Processes die with this one. */
  tied: boolean
  /** To be called when the cluster has been stopped: nothing is left to do at this process's end. */
  forget: () => void
}

/** Makes a run folder and starts a cluster in it. Removes all of it when the start fails, or when this process ends. */
export async function inNewRunFolder<T>(
  { parent, detached = false }: FolderOptions,
  start: (owned: Owned) => Promise<T>,
): Promise<T> {
  const folder = makeRunFolder(parent)
  const forget = atOwnersEnd(() => removeRunFolder(folder))
  try {
    const cluster = await start({ folder, tied: !detached, forget })
    if (detached) {
      detachRunFolder(folder)
      forget()
    }
    return cluster
  } catch (error) {
    forget()
    removeRunFolder(folder)
    throw error
  }
}
