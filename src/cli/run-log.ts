import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** What kubelet puts before each line when it is asked for timestamps: RFC 3339 with up to nine digits of a second. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d) /

/** Of the whole second in which a line was written, and its place in it. */
interface LineTime {
  readonly text: string
  readonly ns: bigint
}

/**
 * Prints the log of one run, of which the stream may end early and be opened anew: each line once. The log is to be asked
 * for with timestamps, and from `since` on.
 */
export class RunLog {
  readonly #output: Writable
  /** When the last line was written that was printed, and how many with just that time were. */
  #last: LineTime | undefined
  #sameTime = 0

  constructor(output: Writable) {
    this.#output = output
  }

  /** From when on to ask; undefined: from the beginning. Kubernetes takes whole seconds, so some lines come again. */
  get since(): string | undefined {
    return this.#last?.text
  }

  /**
   * @param isAll whether the stream ends where the log does: then what stands after the last line's end is printed too.
   * Else that comes again in full.
   * @returns how many lines were new. Throws what broke the stream.
   */
  async print(stream: AsyncIterable<Uint8Array>, isAll: boolean): Promise<number> {
    const known = { last: this.#last, left: this.#sameTime }
    let printed = 0
    let rest = ''
    const line = async (text: string) => {
      const time = timeOf(text)
      if (time !== undefined && known.last !== undefined) {
        if (time.ns < known.last.ns) return
        if (time.ns === known.last.ns && known.left-- > 0) return
      }
      this.#note(time)
      printed++
      await this.#write(text.replace(TIMESTAMP, ''))
    }
    for await (const chunk of stream) {
      // As Latin-1: whatever the command wrote comes out byte for byte.
      const lines = (rest + Buffer.from(chunk).toString('latin1')).split(/(?<=\n)/)
      rest = lines.at(-1)?.endsWith('\n') === true ? '' : (lines.pop() ?? '')
      for (const each of lines) await line(each)
    }
    if (isAll && rest !== '') await line(rest)
    return printed
  }

  #note(time: LineTime | undefined): void {
    if (time === undefined) return
    this.#sameTime = time.ns === this.#last?.ns ? this.#sameTime + 1 : 1
    this.#last = time
  }

  async #write(text: string): Promise<void> {
    if (!this.#output.write(Buffer.from(text, 'latin1'))) await once(this.#output, 'drain')
  }
}

function timeOf(line: string): LineTime | undefined {
  const [, seconds = '', fraction = '', zone = ''] = TIMESTAMP.exec(line) ?? []
  const ms = Date.parse(seconds + zone)
  if (Number.isNaN(ms)) return undefined
  const ns = BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return { text: new Date(ms).toISOString().replace('.000Z', 'Z'), ns }
}
