/** This change can't be made by editing the text; another way must be taken. Never leaves this folder. */
export class NotTextual extends Error {
  override readonly name = 'NotTextual'
  readonly code = 'not-textual'
}
