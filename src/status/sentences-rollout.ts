import { INJECTION_LABEL, LEADER_LEASE, lockConfigMapName, PREFIX, PROTOCOL_LABEL } from '../names.ts'
import { namespaceOf } from './controller-facts.ts'
import type { RolloutReason } from './findings.ts'
import type { Sentences } from './sentences.ts'
import { quoted } from './words.ts'

/** Where it is about the lock, the rollout or the installation and not about one pod. */
export const ROLLOUT_SENTENCES: Sentences<RolloutReason> = {
  next: ({ waiting, situation: { controller } }) => ({
    why: `${waiting[0] === undefined ? 'The lock' : `Pod ${waiting[0]}`} is next: the controller of migrate.io has something to do here, which takes it a second or two.`,
    todo: [`If it lasts, see whether the controller works: kubectl -n ${namespaceOf(controller)} get pods`],
  }),

  'controller-absent': ({ situation: { controller }, ago }) => ({
    why: `Pods wait for the controller of migrate.io, which decides who runs the migration, and ${
      controller.kind === 'stale'
        ? `it was last heard of ${ago(controller.renewedAt)} ago (Lease ${LEADER_LEASE} in namespace ${namespaceOf(controller)})`
        : `none is at work (nobody holds Lease ${LEADER_LEASE} in namespace ${namespaceOf(controller)})`
    }.`,
    todo: [`See why it does not run: kubectl -n ${namespaceOf(controller)} get deployments,pods`],
  }),

  'lock-busy': ({ situation: { named, facts }, ago, ours }) => {
    const lock = named?.lock ?? facts.settings.lock
    const holder = named?.holder
    const whose =
      holder === undefined
        ? `another Deployment has the lock ${lock}, or has waited longer for it`
        : `pod ${holder.pod} of ${holder.deployment === '' ? 'a Deployment that is gone' : `Deployment ${holder.deployment}`} has had it for ${ago(Date.parse(holder.since) || undefined)}`
    const unlock = ours('unlock', `--lock ${lock}`)
    return {
      why: `It shares the lock ${lock} (annotation ${PREFIX}lock) with other Deployments, of which one migrates at a time, and ${whose}. Its own turn comes after that.`,
      todo: [
        holder === undefined || holder.deployment === ''
          ? 'Wait.'
          : `Wait, or see how that one is doing: ${ours('status', holder.deployment)}`,
        `If the run that has it must be ended, or its Deployment is gone, see what has it, and free it: ${unlock}`,
      ],
    }
  },

  'lock-unsettled': ({ situation: { named, facts }, kubectl }) => ({
    why: `The record of the shared lock ${named?.lock ?? facts.settings.lock} was lost, and some pod may still be running a migration under it. That one is waited for.`,
    todo: [`See which one runs: ${kubectl(`get pods -l ${PROTOCOL_LABEL}`)}`],
  }),

  'rollout-unsettled': () => ({
    why: 'Kubernetes has not caught up with the latest change of the Deployment, which takes it a second or two.',
    todo: ['If it lasts, the kube-controller-manager of the cluster does not work.'],
  }),

  'being-deleted': ({ kubectl, name }) => ({
    why: 'The Deployment is being deleted: nothing of it is migrated any more.',
    todo: [`If it lasts, see which finalizers it has: ${kubectl(`get deployment ${name} -o yaml`)}`],
  }),

  paused: ({ kubectl, name }) => ({
    why: 'The Deployment is paused (spec.paused), so this revision has no pods. The migration runs when it goes on.',
    todo: [`Let it go on: ${kubectl(`rollout resume deployment/${name}`)}`],
  }),

  'no-replicas': ({ kubectl, name }) => ({
    why: 'The Deployment has 0 replicas. A migration runs in a pod of the app, so this one runs when there is a pod.',
    todo: [`Scale it up: ${kubectl(`scale deployment/${name} --replicas=1`)}`],
  }),

  'no-pods': ({ situation: { facts }, kubectl, name }) => ({
    why:
      facts.replicaFailure === undefined
        ? 'There is no pod of this revision that could run the migration yet.'
        : `Kubernetes can't create pods of this revision${quoted(facts.replicaFailure)}`,
    todo: [`See why, there and in its newest ReplicaSet: ${kubectl(`describe deployment ${name}`)}`],
  }),

  'foreign-configmap': ({ pod: configMap, kubectl }) => ({
    why: `A ConfigMap ${configMap} stands where migrate.io keeps its lock, and somebody else made it. It is left alone, and nothing is migrated.`,
    todo: [
      `Look at it: ${kubectl(`get configmap ${configMap} -o yaml`)}`,
      `If nobody needs it: ${kubectl(`delete configmap ${configMap}`)}`,
    ],
  }),

  'record-edited': () => ({
    why: 'Somebody wrote into the ConfigMap of the lock. The controller finds out anew from the pods who holds it, and then goes on.',
    todo: ['Nothing. Entries completed.… and failed.… may be removed by hand; number and holder must be left alone.'],
  }),

  'record-lost': ({ name, kubectl, ours }) => ({
    why: `All its pods run, so the migration of this revision was done; but the record of that is lost, since somebody deleted the ConfigMap ${lockConfigMapName(name)} or wrote into it. The next pod of this revision, which comes when one is moved or added, runs the command again, unless the pod that ran it is still there to tell of it.`,
    todo: [
      'Nothing, if the command can be run twice, as migrations should.',
      `Or run it at a time of your choice, which records it again: ${ours('rerun')}`,
      `See what is left of the record: ${kubectl(`get configmap ${lockConfigMapName(name)} -o yaml`)}`,
    ],
  }),

  'unreadable-grant': ({ pod, kubectl }) => ({
    why: `Somebody else wrote the annotation ${PREFIX}grant of pod ${pod}, by which migrate.io tells a pod when to run. The pod is left out.`,
    todo: [`Delete the pod, and a new one takes its place: ${kubectl(`delete pod ${pod}`)}`],
  }),

  'unknown-protocol': ({ pod, kubectl, name }) => ({
    why: `Pod ${pod} was injected by a newer migrate.io than the controller that is installed.`,
    todo: [
      'Update the controller.',
      `Or inject anew with the version that is installed: ${kubectl(`rollout restart deployment/${name}`)}`,
    ],
  }),

  'namespace-not-labelled': ({ situation, namespace, kubectl, name }) => {
    const { label } = situation.namespace.kind === 'seen' ? situation.namespace : { label: undefined }
    const seen =
      label === undefined
        ? `lacks the label ${INJECTION_LABEL}=enabled`
        : `has the label ${INJECTION_LABEL}=${label}, and only the value enabled counts`
    return {
      why: `Namespace ${namespace} ${seen}, so the migration is not run: the app starts without it.`,
      todo: [
        `Opt in: kubectl label namespace ${namespace} ${INJECTION_LABEL}=enabled --overwrite`,
        `Then start a rollout, for the migration to be injected: ${kubectl(`rollout restart deployment/${name}`)}`,
      ],
    }
  },

  'bad-annotations': ({ situation: { facts, namespace: seen }, namespace }) => ({
    why: `The migration is not run, and the app starts without it: ${facts.faults.join('; ')}`,
    todo: [
      'Correct that in the manifest and apply it again.',
      ...(seen.kind === 'seen' && seen.label !== 'enabled'
        ? [`Opt the namespace in as well: kubectl label namespace ${namespace} ${INJECTION_LABEL}=enabled --overwrite`]
        : []),
    ],
  }),

  'no-command': () => ({
    why: `It has no annotation ${PREFIX}command under metadata.annotations, so migrate.io does nothing with it.`,
    todo: [`If it should be migrated, say how, such as ${PREFIX}command: flask db upgrade`],
  }),

  'not-yet-injected': ({ situation, namespace, kubectl, name }) => ({
    why:
      situation.namespace.kind === 'unseen'
        ? `It is annotated, but holds no migration: the app starts without it. Either namespace ${namespace} lacks the label ${INJECTION_LABEL}=enabled (you may not read it), or the Deployment was stored before that, or while migrate.io was not installed.`
        : 'It is annotated and its namespace has opted in, but it holds no migration, so the app starts without it: it was stored before the namespace had the label, or while migrate.io was not installed.',
    todo: [
      `Start a rollout, for it to be injected: ${kubectl(`rollout restart deployment/${name}`)}`,
      'If that changes nothing, see whether migrate.io is installed: kubectl get mutatingwebhookconfiguration migrate-io',
    ],
  }),
}
