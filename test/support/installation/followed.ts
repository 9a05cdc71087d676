import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Deployment, Manifest } from './deployment.ts'
import { assertInjected } from './ours.ts'
import type { Place } from './place.ts'

const LONG = 200

/** Where a Deployment is followed: served by us, and where no webhook is at all. */
export interface Places {
  readonly served: Place
  readonly alone: Place
}

/** One step on a Deployment, taken in both places. */
type Act = (place: Place, followed: Followed) => Promise<unknown>

/**
 * A Deployment that is compared from step to step with a twin that has no webhook: Kubernetes itself moves the
 * generation when annotations change, so only the twin tells what moved because of us.
 */
export class Followed {
  readonly name: string
  readonly manifest: Manifest
  #served: State | undefined
  #alone: State | undefined

  constructor(manifest: Manifest) {
    this.name = manifest.metadata.name ?? ''
    this.manifest = manifest
  }

  /** What later steps are compared with. */
  async createdBy(places: Places, act: Act): Promise<void> {
    await this.#take(places, act)
  }

  /** The step leaves the whole spec as it is, byte for byte, and so starts no rollout. */
  async unchangedBy(places: Places, step: string, act: Act): Promise<void> {
    const before = this.#served
    await this.movesLikeTwin(places, step, act)
    assert.equal(specText(this.#served), specText(before), step)
    assert.equal(this.#served?.replicaSets, before?.replicaSets, `${step}: no rollout starts`)
  }

  /** The step moves the generation just as it moves the twin's. ReplicaSets come later, under Recreate much later. */
  async movesLikeTwin(places: Places, step: string, act: Act): Promise<Deployment> {
    const [served, alone] = [this.#served, this.#alone]
    await this.#take(places, act)
    assert.ok(served && alone && this.#served && this.#alone, 'createdBy comes first')
    assert.equal(moved(served, this.#served), moved(alone, this.#alone), `${step}: moves like its twin`)
    return this.#served.deployment
  }

  async #take({ served, alone }: Places, act: Act): Promise<void> {
    await Promise.all([act(served, this), act(alone, this)])
    ;[this.#served, this.#alone] = await Promise.all([look(served, this.name), look(alone, this.name)])
    assertInjected(this.#served.deployment)
  }
}

interface State {
  readonly deployment: Deployment
  readonly replicaSets: number
}

async function look(place: Place, name: string): Promise<State> {
  const replicaSets = (await place.replicaSets(name)).length
  return { deployment: await place.deployment(name), replicaSets }
}

/** As text, so that an order that changed shows up; with long texts shortened, so that a difference can be read. */
function specText(state: State | undefined): string {
  const shorten = (_key: string, value: unknown) =>
    typeof value === 'string' && value.length > LONG ? createHash('sha256').update(value).digest('hex') : value
  return JSON.stringify(state?.deployment.spec, shorten, 1)
}

function moved(before: State, now: State): number {
  return now.deployment.metadata.generation - before.deployment.metadata.generation
}
