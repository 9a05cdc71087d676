import { findInjected, type Ground } from '../../uninject/survey.ts'
import { EXIT_STILL_INJECTED } from '../exit-codes.ts'
import { counted, nameOf } from './plan.ts'
import { say } from './say.ts'

/** Prints the name of each injected Deployment, and sets the exit code by whether there is one. Throws KubeError. */
export async function check(ground: Ground): Promise<void> {
  const injected = await findInjected(ground)
  for (const each of injected) process.stdout.write(`${nameOf(each)}\n`)
  if (injected.length === 0) return
  const where = ground.namespace === undefined ? '-A' : `-n ${ground.namespace}`
  say(
    `${counted(injected.length, 'Deployment')} still injected: without migrate.io, new pods of theirs wait for ever. Run: migrate-io uninject ${where}`,
  )
  process.exitCode = EXIT_STILL_INJECTED
}
