import { KubeError, type KubeErrorCode } from '../../kube/api.ts'
import { LoadError } from '../../kube/errors.ts'
import { NoTerminalError } from './ask.ts'

/** What to do; the message before it says what was asked, what came back, and which permission is missing. */
const ADVICE: Readonly<Record<KubeErrorCode, string>> = {
  forbidden: 'ask whoever runs the cluster for it, or choose another user by --context',
  unavailable: 'see whether the cluster is up and --kubeconfig and --context name the right one, then run it again',
  conflict: 'somebody else changed it meanwhile: run it again',
  invalid: 'the cluster refuses it for good',
}

/**
 * One line for the user: what was asked of the cluster and what came back; for a missing permission its verb, resource
 * and namespace; and what to do. Undefined for anything else, which is a fault of the program.
 * @param source where the cluster was found
 */
export function troubleInWords(error: unknown, source?: string): string | undefined {
  if (error instanceof LoadError || error instanceof NoTerminalError) return oneLine(error.message)
  if (!(error instanceof KubeError)) return undefined
  const where = error.code === 'unavailable' && source !== undefined ? ` (${source})` : ''
  return oneLine(`${error.message}${where}; ${ADVICE[error.code]}`)
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
