const NEWLINE = 0x0a
const LINE_MAX_BYTES = 16 * 1024 * 1024 // etcd takes objects up to 1.5 MiB; as JSON that is some multiple

/** A watch that can't be made sense of: cut within a line, or a line without end. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream'
}

/**
 * The lines of a stream, each as soon as its newline is there. What stands after the last newline is no line: the stream was
 * cut, and half an event must never be taken for one.
 */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end))
      const line = Buffer.concat(parts).toString('utf8')
      parts = []
      bytes = 0
      start = end + 1
      if (line.trim() !== '') yield line
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > LINE_MAX_BYTES) throw new BrokenStream(`a line of more than ${LINE_MAX_BYTES} bytes`)
  }
  if (bytes > 0) throw new BrokenStream(`the stream ended within a line, ${bytes} bytes after the last newline`)
}
