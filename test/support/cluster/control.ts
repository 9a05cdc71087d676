import { end, launch, ready, setPaused } from './processes.ts'
import type { Program } from './program.ts'

/**
 * How a component is ended. Default: SIGKILL, a crash, after which a component serves again within about 2 s. SIGTERM
 * lets it finish what it does: kube-apiserver then waits for its watchers, until it is killed after 15 s.
 */
export interface EndOptions {
  by?: 'SIGTERM' | 'SIGKILL'
}

export interface Control<Name extends string> {
  /** Returns when the component is ready. Does nothing when it is. */
  start(component: Name): Promise<void>
  stop(component: Name, options?: EndOptions): Promise<void>
  restart(component: Name, options?: EndOptions): Promise<void>
  /** Holds the component where it stands, as on a machine that hangs. Its connections stay open. */
  pause(component: Name): void
  /** Has it go on after `pause`. */
  resume(component: Name): void
}

/** The handles of the programs of a run folder, by their names. */
export function controlOf<Name extends string>(
  folder: string,
  tied: boolean,
  programOf: (component: Name) => Program,
): Control<Name> {
  const start = async (component: Name) => {
    const program = programOf(component)
    await launch(program, folder, tied)
    await ready(program, folder)
  }
  const stop = (component: Name, { by = 'SIGKILL' }: EndOptions = {}) => end(programOf(component).name, folder, by)
  return {
    start,
    stop,
    restart: async (component, options) => {
      await stop(component, options)
      await start(component)
    },
    pause: (component) => setPaused(programOf(component).name, folder, true),
    resume: (component) => setPaused(programOf(component).name, folder, false),
  }
}
