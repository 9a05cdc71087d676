import { INJECTION_LABEL, LEADER_LEASE, lockConfigMapName, PREFIX, PROTOCOL_LABEL } from '../names.ts'
import type { RolloutReason, RunReason, StatusReason } from './findings.ts'
import type { TroubleKind } from './pod-facts.ts'
import { namespaceOf, type Situation } from './situation.ts'
import { exitInWords, imageInWords, quoted, span, undo, type Words } from './words.ts'

/** What a person is told: what is the matter, and what to do about it, one thing a line. */
interface Advice {
  readonly why: string
  readonly todo: readonly string[]
}

type Sentences<R extends StatusReason> = { readonly [K in R]: (words: Words) => Advice }

/** Where a run is under way, or has been. */
const RUN_SENTENCES: Sentences<RunReason> = {
  migrated: () => ({ why: 'The migration of this revision is done; none of its pods runs it again.', todo: [] }),

  running: ({ run, ago, since, ours, failed }) => ({
    why: `Pod ${run?.pod} has been running the migration for ${ago(since)}${again(failed?.count)}. The other new pods wait for it.`,
    todo: [`Watch its output: ${ours('logs')} -f`],
  }),

  'result-seen': ({ run, exit, ours }) =>
    exit === undefined
      ? { why: `The migration in pod ${run?.pod} has succeeded. The controller records that in a moment.`, todo: [] }
      : {
          why: `The migration in pod ${run?.pod} has failed with ${exitInWords(exit.code, exit.isTimeout)}. The controller records that in a moment.`,
          todo: [`See its output: ${ours('logs')}`],
        },

  'node-lost': (words) => {
    const { run, ago, since, ours, kubectl, situation } = words
    const { node } = situation
    const see = `See the pod: ${kubectl(`get pod ${run?.pod} -o wide`)}`
    const got = `Pod ${run?.pod} got the lock ${ago(since)} ago, and`
    if (node?.kind === 'gone')
      return {
        why: `${got} the Node object of ${run?.node} is gone. Kubernetes takes the pod object away within about a minute, and that frees the lock, although the migration may still be running on that machine.`,
        todo: ['Make certain now that the machine is off, or cut off from the database.', see],
      }
    const silence = node?.kind === 'not-ready' && node.since !== undefined ? ` for ${ago(node.since)}` : ''
    return {
      why: `${got} its node ${run?.node} has not been heard of${silence} (NotReady). The migration may still be running there, where nobody can see it, so the lock stays with it, and no other pod migrates.`,
      todo: [
        `Bring the node back, and all goes on by itself. See it: kubectl get node ${run?.node}`,
        `If its machine is certainly off, free the lock; otherwise that risks two migrations at once: ${ours('unlock')}`,
        see,
      ],
    }
  },

  'runner-ends': ({ run, kubectl, situation }) => {
    const seen = situation.pods.find(({ pod }) => pod.metadata.uid === run?.uid)?.pod.metadata
    const finalizers = seen?.finalizers ?? []
    const held = finalizers.length === 0 ? '' : ` Finalizers hold the pod object as well: ${finalizers.join(', ')}.`
    return {
      why: `Pod ${run?.pod} is being deleted while it runs the migration, and may use its grace period${seen?.deletionGracePeriodSeconds === undefined ? '' : ` of ${seen.deletionGracePeriodSeconds} s`}. The lock is free as soon as its node says that it has ended; then the migration runs again in another pod.${held}`,
      todo: [`Wait. If it lasts, see the pod: ${kubectl(`describe pod ${run?.pod}`)}`],
    }
  },

  'not-started': ({ run, ago, since, trouble, kubectl, ours }) => ({
    why: `Pod ${run?.pod} got the lock ${ago(since)} ago, but its container migrate-io does not run (any more), and left no word of an end${quoted(trouble?.detail)}. It starts as soon as its node starts the container again.`,
    todo: [`See why: ${kubectl(`describe pod ${run?.pod}`)}`, `Or let another pod have its turn: ${ours('unlock')}`],
  }),

  failed: ({ name, failed, since, ago, nextAt, situation, ours, kubectl }) => {
    const left = situation.facts.settings.retries
    const tries = left === undefined ? '' : ` of ${left + 1}`
    const next =
      nextAt === undefined
        ? 'The next try starts as soon as a pod is ready for it, which Kubernetes itself may delay by up to 5 minutes after several failures.'
        : `The next try starts in ${span(nextAt - situation.now)}.`
    return {
      why: `The migration failed with ${exitInWords(failed?.exit ?? 0)}: attempt ${failed?.count ?? 1}${tries}, ${ago(since)} ago. ${next} ${serving(situation)}`,
      todo: [
        `See its output: ${ours('logs')}`,
        'Mend the migration and deploy again: a new revision is tried at once.',
        ...undo({ situation, kubectl, name }),
      ],
    }
  },

  'gave-up': ({ name, failed, since, ago, situation, ours, kubectl }) => ({
    why: `The migration failed with ${exitInWords(failed?.exit ?? 0)}, ${failed?.count === 1 ? 'once' : `${failed?.count} times`}, the last time ${ago(since)} ago. That is as often as migrate.io/retries allows, so it is not tried again. ${serving(situation)}`,
    todo: [
      `See its output: ${ours('logs')}`,
      'Mend the migration and deploy again: a new revision starts counting anew.',
      `Or try this one once more: ${ours('rerun')}`,
      `Or allow more tries: ${kubectl(`annotate deployment ${name} --overwrite migrate.io/retries=N`)}`,
      ...undo({ situation, kubectl, name }),
    ],
  }),

  interrupted: ({ pod }) => ({
    why: `The run in pod ${pod} was cut off (the pod was deleted, evicted or its container ended before its result was seen), so nobody knows whether it was done. It runs again in the next pod, and counts as no failure.`,
    todo: ['Nothing, if the command can be run twice, as migrations should. Else see what state the database is in.'],
  }),

  'older-revision': ({ run, ago, since, ours }) => ({
    why: `Pod ${run?.pod} of an older revision (${run?.revision}) has been running its migration for ${ago(since)}. This revision runs after it.`,
    todo: [`Watch its output: ${ours('logs')} -f`, `Or end it: ${ours('unlock')}`],
  }),
}

/** Where no pod of the revision can have its turn, since its wrapper does not run. The lock is free meanwhile. */
const POD_SENTENCES: Sentences<TroubleKind> = {
  unschedulable: ({ pod, trouble, kubectl }) => ({
    why: `Pod ${pod} has found no node yet, so nothing can run the migration${quoted(trouble?.detail)}`,
    todo: [`Make room for it, or change what it asks for: ${kubectl(`describe pod ${pod}`)}`],
  }),

  'image-pull': ({ pod, trouble, kubectl }) => ({
    why: `The image ${trouble?.image ?? ''} of container ${trouble?.container} in pod ${pod} can't be pulled, so nothing can run the migration${quoted(trouble?.detail)}`,
    todo: [
      'Check the name and tag of the image, and whether the registry lets the cluster pull it (imagePullSecrets).',
      `See what it says: ${kubectl(`describe pod ${pod}`)}`,
    ],
  }),

  'earlier-container': ({ pod, trouble, kubectl }) => ({
    why: `Init container ${trouble?.container} of pod ${pod}, which comes before the migration, is still running.`,
    todo: [`See what it does: ${kubectl(`logs ${pod} -c ${trouble?.container}`)}`],
  }),

  'earlier-container-fails': ({ pod, trouble, kubectl }) => ({
    why: `Init container ${trouble?.container} of pod ${pod}, which comes before the migration, keeps failing with ${exitInWords(trouble?.exit ?? 1)}, so the migration never starts.`,
    todo: [`See why: ${kubectl(`logs ${pod} -c ${trouble?.container} --previous`)}`],
  }),

  'no-shell': ({ pod, trouble, ...words }) => ({
    why: `${imageInWords(trouble?.image)} has no /bin/sh, so container migrate-io of pod ${pod} can't start. migrate.io waits for its turn by a small shell script inside your image; a JSON array in migrate.io/command needs the shell too. Kubernetes says${quoted(trouble?.detail)}`,
    todo: [
      'Build the app on an image with a POSIX shell and sleep, such as the -slim, alpine or busybox variant of its base instead of a distroless or scratch one.',
      'Or name another container of the pod template, whose image has both, by migrate.io/container.',
      ...undo(words),
      'If the image is to stay as it is, take the annotations off, and migrate by a Job before each deploy.',
    ],
  }),

  'no-sleep': ({ pod, trouble }) => ({
    why: `${imageInWords(trouble?.image)} has a shell but no working sleep, which the script in container migrate-io of pod ${pod} needs to wait for its turn.`,
    todo: ['Build the app on an image that has sleep (coreutils or busybox).'],
  }),

  'cannot-note': ({ pod, ours }) => ({
    why: `Container migrate-io of pod ${pod} can't write the number of its run to its own volume, so it does not start the migration.`,
    todo: [
      `See why: ${ours('logs')}`,
      'Is the disk of its node full? Deleting the pod makes another, maybe elsewhere.',
    ],
  }),

  'cannot-start': ({ pod, trouble, kubectl }) => ({
    why: `Container ${trouble?.container} of pod ${pod} can't start, so nothing can run the migration${quoted(trouble?.detail)}`,
    todo: [`Mend what it says, such as a missing Secret or ConfigMap: ${kubectl(`describe pod ${pod}`)}`],
  }),

  'pod-starting': ({ pod, kubectl }) => ({
    why: `Pod ${pod} is starting; the migration runs as soon as its container migrate-io is up.`,
    todo: [`If it lasts, see what it waits for: ${kubectl(`describe pod ${pod}`)}`],
  }),
}

/** Where it is about the lock, the rollout or the installation and not about one pod. */
const ROLLOUT_SENTENCES: Sentences<RolloutReason> = {
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

/** For each reason what it means for people who don't know this program. Nothing that a command or its environment says. */
export const SENTENCES: Sentences<StatusReason> = { ...RUN_SENTENCES, ...POD_SENTENCES, ...ROLLOUT_SENTENCES }

function again(failures: number | undefined): string {
  return failures === undefined
    ? ''
    : `: attempt ${failures + 1}, after ${failures === 1 ? 'a failure' : `${failures} failures`}`
}

/** Who serves while the present revision is not migrated. */
function serving({ facts: { available } }: Situation): string {
  if (available === 0) return 'No pod of the app is serving.'
  return `Meanwhile ${available === 1 ? 'a pod' : `${available} pods`} of the revision before go${available === 1 ? 'es' : ''} on serving.`
}
