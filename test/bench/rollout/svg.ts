import type { Bar } from './bars.ts'

export interface TimeLine {
  readonly title: string
  readonly bars: readonly Bar[]
  /** When the rollout was done. */
  readonly done: number
  /** Where the axis ends: the same for all time lines that are to be compared. */
  readonly until: number
}

const [LEFT, RIGHT, TOP, ROW, BAR] = [64, 24, 62, 20, 14]
const PLOT = 720
const MOST_TICKS = 13
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120] // seconds

const PHASES = { waiting: 'waiting', migrating: 'migrating', ready: 'ready' } as const

// Text of a middle grey where a viewer knows nothing of dark and light; bars differ in brightness too.
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #6e7781 }
  .title { font-size: 14px; font-weight: 600 }
  .grid { stroke: #8b949e; stroke-opacity: .35 }
  .done { stroke: #6e7781; stroke-dasharray: 4 3 }
  .waiting { fill: #9ea7b0; fill-opacity: .55 }
  .migrating { fill: #d9730d }
  .ready { fill: #2f81c7 }
  @media (prefers-color-scheme: light) { text { fill: #424a53 } .done { stroke: #424a53 } }
  @media (prefers-color-scheme: dark) { text { fill: #b1bac4 } .done { stroke: #b1bac4 } }`

/** One bar per pod, over seconds since the rollout was asked for: an SVG for light and dark pages. */
export function svgOf({ title, bars, done, until }: TimeLine): string {
  const bottom = TOP + bars.length * ROW
  const [width, height] = [LEFT + PLOT + RIGHT, bottom + 40]
  const x = (seconds: number) => round(LEFT + (Math.min(seconds, until) / until) * PLOT)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="${LEFT}" y="20">${escaped(title)}</text>`,
    ...legend(),
    ...ticks(until).flatMap((second) => [
      `<line class="grid" x1="${x(second)}" x2="${x(second)}" y1="${TOP}" y2="${bottom}"/>`,
      `<text x="${x(second)}" y="${bottom + 16}" text-anchor="middle">${second}</text>`,
    ]),
    ...bars.flatMap((bar, row) => rowOf(bar, TOP + row * ROW, { x, until })),
    `<line class="done" x1="${x(done)}" x2="${x(done)}" y1="${TOP - 6}" y2="${bottom}"/>`,
    `<text x="${LEFT + PLOT / 2}" y="${bottom + 34}" text-anchor="middle">seconds since the rollout was asked for</text>`,
    '</svg>',
    '',
  ].join('\n')
}

interface Scale {
  readonly x: (seconds: number) => number
  readonly until: number
}

function rowOf({ pod, from, migrating, ready }: Bar, top: number, { x, until }: Scale): string[] {
  const end = ready ?? migrating?.to ?? until
  const bar = (phase: keyof typeof PHASES, start: number, to: number) =>
    to > start
      ? [`<rect class="${phase}" x="${x(start)}" y="${top + 3}" width="${round(x(to) - x(start))}" height="${BAR}"/>`]
      : []
  return [
    `<text x="${LEFT - 8}" y="${top + 14}" text-anchor="end">${escaped(pod.slice(pod.lastIndexOf('-') + 1))}</text>`,
    ...bar('waiting', from, migrating?.from ?? end),
    ...(migrating ? bar('migrating', migrating.from, migrating.to) : []),
    ...(migrating ? bar('waiting', migrating.to, end) : []),
    ...(ready === undefined ? [] : bar('ready', ready, until)),
  ]
}

function legend(): string[] {
  return Object.entries(PHASES).flatMap(([phase, name], index) => {
    const left = LEFT + index * 110
    return [
      `<rect class="${phase}" x="${left}" y="32" width="${BAR}" height="${BAR}"/>`,
      `<text x="${left + 20}" y="43">${name}</text>`,
    ]
  })
}

/** Whole seconds in steps that people count in, from 0. */
export function ticks(until: number): number[] {
  const step = STEPS.find((each) => until / each < MOST_TICKS) ?? Math.ceil(until / MOST_TICKS)
  return Array.from({ length: Math.floor(until / step) + 1 }, (_, index) => index * step)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
