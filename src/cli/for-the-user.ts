/** Why a server can't start, where its message is the whole story. By name, since their classes are loaded lazily. */
const NAMES: readonly string[] = ['CertificateError', 'ListenError', 'LoadError']

/** Whether an error is for the user to mend, and so said in one line; any other is a mistake of ours, with its stack. */
export function isForTheUser(error: unknown): error is Error {
  return error instanceof Error && NAMES.includes(error.name)
}
