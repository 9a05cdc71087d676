/** A value as JSON has it: what the API server sends and what we send back. Never `undefined`. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}
