import type { ContainerState, Pod, Terminated } from '../../../src/kube/objects.ts'
import { GRANT_ANNOTATION, INIT_CONTAINER, lockConfigMapName, REVISION_LABEL } from '../../../src/names.ts'
import type { Server } from './server.ts'
import {
  type Mistakes,
  NOTHING_NOTED,
  SimulatedWrapper,
  type WrapperFiles,
  type WrapperState,
  type WrapperStep,
} from './wrapper.ts'

/** What really goes on in the container, which nobody but its kubelet sees. */
export type Actual =
  | { readonly kind: 'pulling' }
  | { readonly kind: 'wrapper'; readonly wrapper: SimulatedWrapper }
  | { readonly kind: 'command'; readonly number: number; readonly hasOverwritten?: true }
  | { readonly kind: 'ended' }
  /** Exit 0: the app starts. */
  | { readonly kind: 'done' }
  /** Will never run again. */
  | { readonly kind: 'dead' }

/** One pod on its node: container, volumes, and the kubelet that reports and projects late. */
export class SimulatedPod {
  readonly name: string
  readonly uid: string
  readonly deployment: string
  readonly revision: string
  actual: Actual = { kind: 'pulling' }
  /** No word from or to its kubelet; what runs goes on. */
  isCutOff = false
  readonly #server: Server
  readonly #state: WrapperState = { ...NOTHING_NOTED }
  readonly #mountsRecord: boolean
  readonly #mistakes: Mistakes
  #boot = 1
  #files: { grant: string | undefined; completed: string | undefined } = { grant: undefined, completed: undefined }
  #grants: (string | undefined)[] = []
  #restarts = 0
  #present: Terminated | undefined
  #last: Terminated | undefined
  #time = 0
  #reported = ''

  /** @param mountsRecord false where the Deployment's name was generated */
  constructor(server: Server, pod: Pod, deployment: string, mountsRecord = true, mistakes: Mistakes = {}) {
    this.#server = server
    this.name = pod.metadata.name
    this.uid = pod.metadata.uid
    this.deployment = deployment
    this.revision = pod.metadata.labels?.[REVISION_LABEL] ?? ''
    this.#mountsRecord = mountsRecord
    this.#mistakes = mistakes
  }

  /** As the API server has it; undefined once it is gone. */
  get object(): Pod | undefined {
    const pod = this.#server.get('Pod', this.name)
    return pod?.metadata.uid === this.uid ? pod : undefined
  }

  get isDeleting(): boolean {
    return this.object?.metadata.deletionTimestamp !== undefined
  }

  get files(): WrapperFiles {
    return { ...this.#files, revision: this.revision }
  }

  /** The image is there, the volumes are mounted with what kubelet then knows. */
  start(time: number): void {
    this.#time = time
    this.updateGrant()
    this.updateRecord()
    this.#begin()
  }

  #begin(): void {
    this.actual = { kind: 'wrapper', wrapper: new SimulatedWrapper(this.#state, this.#boot, this.#mistakes) }
  }

  /** As the API server has it. */
  get grantNow(): string | undefined {
    return this.object?.metadata.annotations?.[GRANT_ANNOTATION]
  }

  get grantIsOld(): boolean {
    return this.#files.grant !== this.grantNow
  }

  updateGrant(): void {
    this.#files.grant = this.grantNow
    this.#grants.push(this.#files.grant)
  }

  /** A kubelet that was started again may first project what it knew before. */
  get olderGrants(): readonly (string | undefined)[] {
    return this.#grants.slice(0, -1)
  }

  cutOff(isCutOff: boolean): void {
    this.isCutOff = isCutOff
  }

  goBackTo(grant: string | undefined): void {
    this.#files.grant = grant
  }

  get recordIsOld(): boolean {
    return this.#files.completed !== this.#completedNow()
  }

  updateRecord(): void {
    this.#files.completed = this.#completedNow()
  }

  #completedNow(): string | undefined {
    if (!this.#mountsRecord) return undefined
    return this.#server.get('ConfigMap', lockConfigMapName(this.deployment))?.data?.[`completed.${this.revision}`]
  }

  /** What the wrapper did, carried out. */
  apply(step: WrapperStep): void {
    const { actual } = this
    if (actual.kind !== 'wrapper') return
    if (step.kind === 'runs') this.actual = { kind: 'command', number: step.number }
    if (step.kind === 'exits') this.end(step.code, actual.wrapper.message)
  }

  /** The container's process is over. */
  end(exitCode: number, message = this.messageNow()): void {
    const terminated: Terminated = { exitCode, startedAt: timeText(this.#time), finishedAt: timeText(this.#time) }
    this.#present = message === '' ? terminated : { ...terminated, message }
    this.actual = { kind: exitCode === 0 ? 'done' : 'ended' }
  }

  /** What the present instance has left in its termination message. */
  messageNow(): string {
    const { actual } = this
    if (actual.kind === 'command') return actual.hasOverwritten === true ? 'all done' : `run ${actual.number}`
    return actual.kind === 'wrapper' ? actual.wrapper.message : ''
  }

  /** The command writes to its own termination message, in which the wrapper had left the number. */
  overwriteMessage(): void {
    if (this.actual.kind === 'command') this.actual = { ...this.actual, hasOverwritten: true }
  }

  restart(time: number): void {
    this.#time = time
    this.#last = this.#present
    this.#present = undefined
    this.#restarts++
    this.#begin()
  }

  /** Its node starts again: all is stopped, what the container left is lost, and a new sandbox begins from the start. */
  reboot(time: number): void {
    const wasRunning = this.actual.kind === 'command' || this.actual.kind === 'wrapper'
    if (wasRunning) {
      // Nothing is known of how it ended.
      this.#present = { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: timeText(this.#time) }
      this.actual = { kind: 'ended' }
    }
    this.#boot++
    this.restart(time)
  }

  /**
   * Its node's power fails, and with it goes what was not on the disk yet: each note of the state volume by itself, and
   * the termination messages. Kubelet knows only what the API server tells it then.
   * @param isLost asked for each of them
   */
  losePower(time: number, isLost: () => boolean): void {
    if (isLost()) this.#state.claimed = 0
    if (isLost()) this.#state.skipped = false
    if (isLost()) this.#state.boot = 0
    this.#present = isLost() ? withoutMessage(this.#present) : this.#present
    this.#last = isLost() ? withoutMessage(this.#last) : this.#last
    this.#grants = []
    this.updateGrant()
    this.updateRecord()
    this.reboot(time)
  }

  /** The ended container was removed from the node: kubelet makes up that it ended well. */
  prune(): void {
    this.#present = { exitCode: 0, reason: 'Completed' }
  }

  /** Ended for good, as by an eviction. */
  fail(): void {
    const isRunning = this.actual.kind === 'wrapper' || this.actual.kind === 'command'
    if (isRunning) this.end(137)
    this.actual = { kind: 'dead' }
  }

  /** Whether kubelet knows something that it has not reported. */
  get statusIsOld(): boolean {
    const text = JSON.stringify(this.#status())
    return this.object !== undefined && text !== this.#reported
  }

  /** Somebody else wrote the status: kubelet's next report puts it right. */
  forgetReport(): void {
    this.#reported = ''
  }

  /** Everything since the last report at once. */
  report(): void {
    const pod = this.object
    const status = this.#status()
    this.#reported = JSON.stringify(status)
    if (pod !== undefined) this.#server.update('Pod', { ...pod, status }, 'kubelet')
  }

  #status(): NonNullable<Pod['status']> {
    const { kind } = this.actual
    return {
      phase: kind === 'dead' ? 'Failed' : kind === 'done' ? 'Running' : 'Pending',
      initContainerStatuses: [
        {
          name: INIT_CONTAINER,
          image: `app:${this.revision}`,
          restartCount: this.#restarts,
          state: this.#containerState(),
          ...(this.#last === undefined ? {} : { lastState: { terminated: this.#last } }),
        },
      ],
    }
  }

  #containerState(): ContainerState {
    if (this.actual.kind === 'pulling') return { waiting: { reason: 'PodInitializing' } }
    if (this.#present !== undefined) return { terminated: this.#present }
    return { running: { startedAt: timeText(this.#time) } }
  }
}

/** Or the first character of it, which says as little. */
function withoutMessage(terminated: Terminated | undefined): Terminated | undefined {
  if (terminated === undefined) return undefined
  const { message: _, ...others } = terminated
  return others
}

function timeText(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString()
}
