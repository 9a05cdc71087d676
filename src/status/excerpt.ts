const MAX_CHARACTERS = 240

/** What Kubernetes says, on one line and not longer than a few of them; without control characters, for a terminal. */
export function excerpt(text: string): string {
  const line = text
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
  return line.length <= MAX_CHARACTERS ? line : `${line.slice(0, MAX_CHARACTERS)}…`
}
