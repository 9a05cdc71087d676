/** A file that is made from others: its path from the root, and what it is to hold. */
export interface Generated {
  readonly path: string
  readonly text: string
}
