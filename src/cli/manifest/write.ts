/**
 * Joins documents to the text of a file. Each brings its own separators and line ends, so unchanged documents give the very
 * bytes they were read from.
 */
export function writeManifest(documents: readonly { readonly text: string }[]): string {
  return documents.map(({ text }) => text).join('')
}
