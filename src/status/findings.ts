import type { Failed } from '../lock/record.ts'
import type { Trouble, TroubleKind } from './pod-facts.ts'

/** What was found out about one Deployment; the texts are made from it. */
export interface Findings {
  readonly state: State
  readonly reason: StatusReason
  /** As the pods' label and the record name it. Undefined while none is being rolled out. */
  readonly revision: string | undefined
  readonly run: Run | undefined
  readonly failed: Failed | undefined
  /** Not tried before; milliseconds since 1970. */
  readonly nextAt: number | undefined
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  /** Pods of this revision whose wrapper waits. */
  readonly waiting: readonly string[]
  /** The pod that the reason is about, where that is not the runner. */
  readonly pod: string | undefined
  readonly trouble: Trouble | undefined
  /** An exit that is about to be counted. */
  readonly exit: { readonly code: number; readonly isTimeout: boolean } | undefined
}

export type State = 'Migrated' | 'Running' | 'Waiting' | 'Failed' | 'Interrupted' | 'NotInjected'

/** The pod that holds the Deployment's own lock. */
export interface Run {
  readonly pod: string
  readonly uid: string
  readonly node: string | undefined
  /** How long its pod may take to end once it is deleted. */
  readonly graceSeconds: number
  readonly number: number
  readonly revision: string
  /** ISO 8601. */
  readonly since: string
}

/** Why a Deployment is in its state. The key is what `-o json` prints as `reason`; the sentences are in sentences.ts. */
export type StatusReason = RunReason | RolloutReason | TroubleKind

/** A run is under way, or has been. */
export type RunReason =
  | 'migrated'
  | 'running'
  | 'result-seen'
  | 'node-lost'
  | 'runner-ends'
  | 'not-started'
  | 'failed'
  | 'gave-up'
  | 'interrupted'
  | 'older-revision'

/** It is about the lock, the rollout or the installation and not about one pod. */
export type RolloutReason =
  | 'next'
  | 'controller-absent'
  | 'lock-busy'
  | 'lock-unsettled'
  | 'rollout-unsettled'
  | 'being-deleted'
  | 'paused'
  | 'no-replicas'
  | 'no-pods'
  | 'foreign-configmap'
  | 'record-edited'
  | 'record-lost'
  | 'unreadable-grant'
  | 'unknown-protocol'
  | 'namespace-not-labelled'
  | 'bad-annotations'
  | 'no-command'
  | 'not-yet-injected'
