const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs `cleanUp` when this process ends without having stopped the cluster: by its own end or by a signal, which then
 * takes its usual effect. Synchronous, since nothing else is possible at exit. Returns a function that takes it back.
 */
export function atOwnersEnd(cleanUp: () => void): () => void {
  const onSignal = (name: NodeJS.Signals) => {
    forget()
    cleanUp()
    // With this listener gone the signal ends the process, unless others listen, who then decide.
    if (process.listenerCount(name) === 0) process.kill(process.pid, name)
  }
  const onExit = () => cleanUp()
  const forget = () => {
    process.off('exit', onExit)
    for (const name of SIGNALS) process.off(name, onSignal)
  }
  process.once('exit', onExit)
  for (const name of SIGNALS) process.on(name, onSignal)
  return forget
}
