/** The sum of all samples of a metric that have these labels, out of the Prometheus text format; 0 where there is none. */
export function sum(text: string, metric: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  let total = 0
  for (const line of text.split('\n')) {
    const [, name, inBraces = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
    if (name !== metric) continue
    const has = inBraces.split(/,(?=\w+=")/)
    if (wanted.every((label) => has.includes(label))) total += Number(value)
  }
  return total
}
