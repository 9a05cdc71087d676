/** A call that can't be answered with an AdmissionReview. The message is sent to the caller: whole sentences, nothing internal. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly statusCode: 400 | 408 | 411 | 413 | 415 | 429
  readonly code: RequestErrorCode

  constructor(statusCode: 400 | 408 | 411 | 413 | 415 | 429, code: RequestErrorCode, message: string) {
    super(message)
    this.statusCode = statusCode
    this.code = code
  }
}

/** The reason as a metric's label and log field: bounded, unlike the message. */
export type RequestErrorCode =
  | 'body-aborted'
  | 'body-empty'
  | 'body-not-json'
  | 'body-too-deep'
  | 'body-too-large'
  | 'body-too-many-values'
  | 'body-too-slow'
  | 'content-type'
  | 'length-required'
  | 'review-malformed'
  | 'review-version'
  | 'too-many-bodies'
