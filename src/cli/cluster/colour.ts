import { styleText } from 'node:util'

type Colour = 'red' | 'yellow' | 'green' | 'cyan' | 'dim' | 'bold'

/** The text in colour where the stream is a terminal that shows some; NO_COLOR and FORCE_COLOR are heeded. */
export function colour(as: Colour, text: string, stream: NodeJS.WritableStream): string {
  return styleText(as, text, { stream })
}
