import type { Kind, Metadata, Objects } from './objects.ts'

export interface Selection {
  /** All namespaces when left out. */
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
}

/**
 * What is kept of an object; undefined where nothing is. There is no list or watch without one: who may create objects in
 * any namespace decides how large they are and how many.
 */
export type Projection<K extends Kind, T> = (object: Objects[K]) => T | undefined

/** What is kept of single objects of a kind, whichever call they come from. Of a kind that is left out: all. */
export type Kept = { readonly [K in Kind]?: (object: Objects[K]) => Objects[K] }

/** An object that does not exist yet: the API server gives it UID and resourceVersion. */
export type New<T extends { metadata: Metadata }> = Omit<T, 'metadata'> & {
  metadata: Omit<Metadata, 'uid' | 'resourceVersion'>
}

/** Which object, in which state: a write with it is a compare-and-swap. */
export interface Version {
  namespace: string
  name: string
  uid: string
  resourceVersion: string
}

/**
 * What the controller asks of the API server. Each call has a time limit. The lock rests on two things:
 * - reads and lists are consistent: never from a cache, never with `resourceVersion=0`, the first page of a list included;
 * - each write names FIELD_MANAGER of src/names.ts as its field manager, so that edits by others can be told.
 */
export interface Api {
  /** Undefined when there is none (404). Throws KubeError. */
  read<K extends Kind>(kind: K, namespace: string, name: string): Promise<Objects[K] | undefined>
  /** What is kept of all of the selection, which is read in pages where they are many or large. Throws KubeError. */
  list<K extends Kind, T>(kind: K, selection: Selection, project: Projection<K, T>): Promise<T[]>
  /** Throws KubeError, with code `conflict` when one of this name exists already (409). */
  create<K extends Kind>(kind: K, object: New<Objects[K]>): Promise<Objects[K]>
  /**
   * Puts the object in the place of the one with the same UID and resourceVersion. Throws KubeError, with code
   * `conflict` when that is no longer the stored one: 409, 404, and 422 for another UID.
   */
  replace<K extends Kind>(kind: K, object: Objects[K]): Promise<Objects[K]>
  /**
   * Sets annotations of a pod through its status subresource; null takes one off. A compare-and-swap like `replace`.
   */
  annotatePod(pod: Version, annotations: Record<string, string | null>): Promise<Objects['Pod']>
}

/**
 * - conflict: what we knew is outdated; read again and decide anew
 * - forbidden: a permission is missing (401, 403)
 * - invalid: the API server will never take this (400, 413, 422)
 * - unavailable: no answer, too many requests, an error of the server's: try again later
 */
export type KubeErrorCode = 'conflict' | 'forbidden' | 'invalid' | 'unavailable'

/** A call that failed. It is unknown whether an `unavailable` write was carried out. */
export class KubeError extends Error {
  readonly code: KubeErrorCode
  /** As the server asked by Retry-After. */
  readonly retryAfterMs: number | undefined
  /** For logs: `message`, but for one that may quote an object in full. */
  readonly outline: string

  constructor(
    code: KubeErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number; outline?: string } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.outline = options.outline ?? message
  }

  /** What broke a connection, as an API server that doesn't answer. */
  static of(error: unknown): KubeError {
    if (error instanceof KubeError) return error
    return new KubeError('unavailable', error instanceof Error ? error.message : String(error), { cause: error })
  }
}
