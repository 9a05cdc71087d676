import { cut } from '../lock/pod-projection.ts'

const MAX_CHARACTERS = 240

/** What Kubernetes says, on one line and not longer than a few of them; without control characters, for a terminal. */
export function excerpt(text: string): string {
  const line = cut(text, 4 * MAX_CHARACTERS)
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
  return line.length <= MAX_CHARACTERS ? line : `${cut(line, MAX_CHARACTERS)}…`
}
