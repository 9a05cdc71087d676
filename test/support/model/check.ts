/** One step of a model: its name, and the state that it leads to. */
export type Step<State> = readonly [name: string, state: State]

/** A system whose every reachable state is looked at. */
export interface Model<State> {
  readonly initial: State
  steps(state: State): readonly Step<State>[]
  /** What is wrong with a step, if anything. */
  violation(before: State, after: State, name: string): string | undefined
  /** The same for states that can't be told apart. */
  key(state: State): string
  isGood(state: State): boolean
  /** Whether a step is something that goes wrong, and not needed for success. */
  isFault(name: string): boolean
}

export interface Checked {
  readonly states: number
  /** A shortest way to a violation. */
  readonly broken?: { readonly what: string; readonly names: readonly string[] }
}

interface Path {
  readonly name: string
  readonly up: Path | undefined
}

/** Looks at every state, breadth first, so that the first violation found is a shortest one. */
export function check<State>(model: Model<State>): Checked {
  const seen = new Set([model.key(model.initial)])
  let frontier: { state: State; path: Path | undefined }[] = [{ state: model.initial, path: undefined }]
  while (frontier.length > 0) {
    const next: typeof frontier = []
    for (const { state, path } of frontier)
      for (const [name, after] of model.steps(state)) {
        const what = model.violation(state, after, name)
        const here = { name, up: path }
        if (what !== undefined) return { states: seen.size, broken: { what, names: namesOf(here) } }
        const key = model.key(after)
        if (seen.has(key)) continue
        seen.add(key)
        next.push({ state: after, path: here })
      }
    frontier = next
  }
  return { states: seen.size }
}

function namesOf(path: Path): string[] {
  const names: string[] = []
  for (let p: Path | undefined = path; p !== undefined; p = p.up) names.unshift(p.name)
  return names
}

/** How many states there are from which no good one can be reached unless something else goes wrong. */
export function countStuck<State>(model: Model<State>): {
  readonly states: number
  readonly stuck: number
  example?: State
} {
  const ids = new Map<string, number>()
  const states: State[] = []
  /** For each state, those one faultless step before it. */
  const before: number[][] = []
  const idOf = (state: State): number => {
    const key = model.key(state)
    const known = ids.get(key)
    if (known !== undefined) return known
    ids.set(key, states.length)
    before.push([])
    return states.push(state) - 1
  }
  idOf(model.initial)
  for (let i = 0; i < states.length; i++)
    for (const [name, after] of model.steps(states[i] as State)) {
      const j = idOf(after)
      if (!model.isFault(name)) before[j]?.push(i)
    }
  const isWithin = states.map((state) => model.isGood(state))
  const todo = isWithin.flatMap((good, i) => (good ? [i] : []))
  for (let j = todo.pop(); j !== undefined; j = todo.pop())
    for (const i of before[j] ?? [])
      if (isWithin[i] !== true) {
        isWithin[i] = true
        todo.push(i)
      }
  const stuck = isWithin.filter((good) => !good).length
  const example = states[isWithin.indexOf(false)]
  return { states: states.length, stuck, ...(example === undefined ? {} : { example }) }
}
