export type LoadErrorCode = 'NO_CLUSTER' | 'UNREADABLE' | 'MALFORMED' | 'NO_CONTEXT' | 'UNSUPPORTED'

/** Where the cluster is, or who we are there, can't be told. The message says what to do. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
  readonly code: LoadErrorCode

  constructor(code: LoadErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
