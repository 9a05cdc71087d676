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
  migrated: () => ({ why: "The migration of this revision is done; its pods don't run it again.", todo: [] }),

  running: ({ run, ago, since, ours, failed }) => ({
    why: `Pod ${run?.pod} has been running the migration for ${ago(since)}${again(failed?.count)}. The other new pods wait for it.`,
    todo: [`Watch its output: ${ours('logs')} -f`],
  }),

  'result-seen': ({ run, exit, ours }) =>
    exit === undefined
      ? {
          why: `The migration in pod ${run?.pod} has succeeded. The controller will record that in a moment.`,
          todo: [],
        }
      : {
          why: `The migration in pod ${run?.pod} has failed with ${exitInWords(exit.code, exit.isTimeout)}. The controller will record that in a moment.`,
          todo: [`See its output: ${ours('logs')}`],
        },

  'node-lost': (words) => {
    const { run, ago, since, ours, kubectl, situation } = words
    const { node } = situation
    const see = `See the pod: ${kubectl(`get pod ${run?.pod} -o wide`)}`
    const got = `Pod ${run?.pod} got the lock ${ago(since)} ago, and`
    if (node?.kind === 'gone')
      return {
        why: `${got} the Node object of ${run?.node} is gone. Kubernetes deletes the pod object within about a minute, and that frees the lock, although the migration may still be running on that machine.`,
        todo: ['Make sure now that the machine is off, or cut off from the database.', see],
      }
    const silence = node?.kind === 'not-ready' && node.since !== undefined ? ` for ${ago(node.since)}` : ''
    return {
      why: `${got} its node ${run?.node} hasn't reported its status${silence} (NotReady). The migration may still be running there unseen, so the pod keeps the lock, and no other pod migrates.`,
      todo: [
        `Bring the node back, and the migration continues by itself. See the node: kubectl get node ${run?.node}`,
        `If you are certain that its machine is off, free the lock; otherwise two migrations may run at once: ${ours('unlock')}`,
        see,
      ],
    }
  },

  'runner-ends': ({ run, kubectl, situation }) => {
    const seen = situation.pods.find(({ pod }) => pod.metadata.uid === run?.uid)?.pod.metadata
    const finalizers = seen?.finalizers ?? []
    const held = finalizers.length === 0 ? '' : ` Finalizers also keep the pod object: ${finalizers.join(', ')}.`
    return {
      why: `Pod ${run?.pod} is being deleted while it runs the migration, and has its grace period${seen?.deletionGracePeriodSeconds === undefined ? '' : ` of ${seen.deletionGracePeriodSeconds} s`}. The lock is free as soon as its node reports that the pod has ended; then the migration runs again in another pod.${held}`,
      todo: [`Wait. If this lasts, see the pod: ${kubectl(`describe pod ${run?.pod}`)}`],
    }
  },

  'not-started': ({ run, ago, since, trouble, kubectl, ours }) => ({
    why: `Pod ${run?.pod} got the lock ${ago(since)} ago, but its container migrate-io isn't running and hasn't reported an exit status${quoted(trouble?.detail)}. The migration starts as soon as the node starts the container again.`,
    todo: [
      `See why: ${kubectl(`describe pod ${run?.pod}`)}`,
      `Or let another pod run the migration: ${ours('unlock')}`,
    ],
  }),

  failed: ({ name, failed, since, ago, nextAt, situation, ours, kubectl }) => {
    const left = situation.facts.settings.retries
    const tries = left === undefined ? '' : ` of ${left + 1}`
    const next =
      nextAt === undefined
        ? 'The next attempt starts as soon as a pod is ready for it, which Kubernetes itself may delay by up to 5 minutes after several failures.'
        : `The next attempt starts in ${span(nextAt - situation.now)}.`
    return {
      why: `The migration failed with ${exitInWords(failed?.exit ?? 0)}: attempt ${failed?.count ?? 1}${tries}, ${ago(since)} ago. ${next} ${serving(situation)}`,
      todo: [
        `See its output: ${ours('logs')}`,
        'Fix the migration and deploy again: a new revision starts at once.',
        ...undo({ situation, kubectl, name }),
      ],
    }
  },

  'gave-up': ({ name, failed, since, ago, situation, ours, kubectl }) => ({
    why: `The migration failed with ${exitInWords(failed?.exit ?? 0)}, ${failed?.count === 1 ? 'once' : `${failed?.count} times`}, the last time ${ago(since)} ago. migrate.io/retries allows no more attempts, so it is not retried. ${serving(situation)}`,
    todo: [
      `See its output: ${ours('logs')}`,
      'Fix the migration and deploy again: a new revision starts counting from zero.',
      `Or try this revision once more: ${ours('rerun')}`,
      `Or allow more attempts: ${kubectl(`annotate deployment ${name} --overwrite migrate.io/retries=N`)}`,
      ...undo({ situation, kubectl, name }),
    ],
  }),

  interrupted: ({ pod }) => ({
    why: `The run in pod ${pod} was interrupted (the pod was deleted or evicted, or its container ended before its result was seen), so its result is unknown. The migration runs again in the next pod, and this doesn't count as a failure.`,
    todo: ['Nothing, if the command can run twice, as migrations should. Otherwise check the state of the database.'],
  }),

  'older-revision': ({ run, ago, since, ours }) => ({
    why: `Pod ${run?.pod} of an older revision (${run?.revision}) has been running its migration for ${ago(since)}. This revision runs its migration after that.`,
    todo: [`Watch its output: ${ours('logs')} -f`, `Or stop it: ${ours('unlock')}`],
  }),
}

/** Where no pod of the revision can have its turn, since its wrapper does not run. The lock is free meanwhile. */
const POD_SENTENCES: Sentences<TroubleKind> = {
  unschedulable: ({ pod, trouble, kubectl }) => ({
    why: `Pod ${pod} has no node yet, so it can't run the migration${quoted(trouble?.detail)}`,
    todo: [`Make room for it, or change what it requests: ${kubectl(`describe pod ${pod}`)}`],
  }),

  'image-pull': ({ pod, trouble, kubectl }) => ({
    why: `The image ${trouble?.image ?? ''} of container ${trouble?.container} in pod ${pod} can't be pulled, so the pod can't run the migration${quoted(trouble?.detail)}`,
    todo: [
      'Check the name and tag of the image, and whether the registry lets the cluster pull it (imagePullSecrets).',
      `See the details: ${kubectl(`describe pod ${pod}`)}`,
    ],
  }),

  'earlier-container': ({ pod, trouble, kubectl }) => ({
    why: `Init container ${trouble?.container} of pod ${pod}, which runs before the migration, is still running.`,
    todo: [`See its output: ${kubectl(`logs ${pod} -c ${trouble?.container}`)}`],
  }),

  'earlier-container-fails': ({ pod, trouble, kubectl }) => ({
    why: `Init container ${trouble?.container} of pod ${pod}, which runs before the migration, keeps failing with ${exitInWords(trouble?.exit ?? 1)}, so the migration never starts.`,
    todo: [`See why: ${kubectl(`logs ${pod} -c ${trouble?.container} --previous`)}`],
  }),

  'no-shell': ({ pod, trouble, ...words }) => ({
    why: `${imageInWords(trouble?.image)} has no /bin/sh, so container migrate-io of pod ${pod} can't start. migrate.io waits for its turn with a small shell script inside your image; a JSON array in migrate.io/command needs the shell too. Kubernetes says${quoted(trouble?.detail)}`,
    todo: [
      'Build the app on an image with a POSIX shell and sleep, such as the -slim, alpine or busybox variant of its base instead of a distroless or scratch one.',
      'Or set migrate.io/container to another container of the pod template whose image has both.',
      ...undo(words),
      "If you can't change the image, remove the annotations and migrate with a Job before each deploy.",
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
      'Is the disk of its node full? If you delete the pod, a new one replaces it, maybe on another node.',
    ],
  }),

  'cannot-start': ({ pod, trouble, kubectl }) => ({
    why: `Container ${trouble?.container} of pod ${pod} can't start, so the pod can't run the migration${quoted(trouble?.detail)}`,
    todo: [`Fix what Kubernetes reports, such as a missing Secret or ConfigMap: ${kubectl(`describe pod ${pod}`)}`],
  }),

  'pod-starting': ({ pod, kubectl }) => ({
    why: `Pod ${pod} is starting; the migration runs as soon as its container migrate-io is up.`,
    todo: [`If this lasts, see what it waits for: ${kubectl(`describe pod ${pod}`)}`],
  }),
}

/** Where it is about the lock, the rollout or the installation and not about one pod. */
const ROLLOUT_SENTENCES: Sentences<RolloutReason> = {
  next: ({ waiting, situation: { controller } }) => ({
    why: `${waiting[0] === undefined ? 'The lock' : `Pod ${waiting[0]}`} is next: the migrate.io controller will act within a second or two.`,
    todo: [`If this lasts, see whether the controller works: kubectl -n ${namespaceOf(controller)} get pods`],
  }),

  'controller-absent': ({ situation: { controller }, ago }) => ({
    why: `Pods wait for the migrate.io controller, which decides which pod runs the migration, ${
      controller.kind === 'stale'
        ? `but the controller last renewed its Lease ${ago(controller.renewedAt)} ago (Lease ${LEADER_LEASE} in namespace ${namespaceOf(controller)})`
        : `but no controller is running (Lease ${LEADER_LEASE} has no holder in namespace ${namespaceOf(controller)})`
    }.`,
    todo: [`See why it isn't running: kubectl -n ${namespaceOf(controller)} get deployments,pods`],
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
      why: `It shares the lock ${lock} (annotation ${PREFIX}lock) with other Deployments, which migrate one at a time, and ${whose}. This Deployment comes after that.`,
      todo: [
        holder === undefined || holder.deployment === ''
          ? 'Wait.'
          : `Wait, or see the status of that Deployment: ${ours('status', holder.deployment)}`,
        `If you must stop the run that has it, or its Deployment is gone, see what has it, and free it: ${unlock}`,
      ],
    }
  },

  'lock-unsettled': ({ situation: { named, facts }, kubectl }) => ({
    why: `The record of the shared lock ${named?.lock ?? facts.settings.lock} was lost, and a pod may still be running a migration under it. The controller waits for that pod.`,
    todo: [`See which pod is running: ${kubectl(`get pods -l ${PROTOCOL_LABEL}`)}`],
  }),

  'rollout-unsettled': () => ({
    why: "Kubernetes hasn't caught up with the latest change to the Deployment yet, which takes a second or two.",
    todo: ["If this lasts, the kube-controller-manager of the cluster isn't working."],
  }),

  'being-deleted': ({ kubectl, name }) => ({
    why: 'The Deployment is being deleted, so migrate.io no longer migrates it.',
    todo: [`If this lasts, see which finalizers it has: ${kubectl(`get deployment ${name} -o yaml`)}`],
  }),

  paused: ({ kubectl, name }) => ({
    why: 'The Deployment is paused (spec.paused), so this revision has no pods. The migration runs when you resume it.',
    todo: [`Resume it: ${kubectl(`rollout resume deployment/${name}`)}`],
  }),

  'no-replicas': ({ kubectl, name }) => ({
    why: 'The Deployment has 0 replicas. A migration runs in a pod of the app, so it runs when the Deployment has a pod.',
    todo: [`Scale it up: ${kubectl(`scale deployment/${name} --replicas=1`)}`],
  }),

  'no-pods': ({ situation: { facts }, kubectl, name }) => ({
    why:
      facts.replicaFailure === undefined
        ? 'This revision has no pod yet that could run the migration.'
        : `Kubernetes can't create pods of this revision${quoted(facts.replicaFailure)}`,
    todo: [`See why, in the Deployment and in its newest ReplicaSet: ${kubectl(`describe deployment ${name}`)}`],
  }),

  'foreign-configmap': ({ pod: configMap, kubectl }) => ({
    why: `ConfigMap ${configMap} has the name of the lock but wasn't created by migrate.io. migrate.io leaves it alone and runs no migration.`,
    todo: [
      `Look at it: ${kubectl(`get configmap ${configMap} -o yaml`)}`,
      `If you don't need it, delete it: ${kubectl(`delete configmap ${configMap}`)}`,
    ],
  }),

  'record-edited': () => ({
    why: "Another client edited the lock's ConfigMap. The controller finds out from the pods which one holds the lock, and then continues.",
    todo: ['Nothing. You may remove entries completed.… and failed.… by hand; leave number and holder alone.'],
  }),

  'record-lost': ({ name, kubectl, ours }) => ({
    why: `All its pods are running, so the migration of this revision was done, but its record is lost: ConfigMap ${lockConfigMapName(name)} was deleted or edited. The next new pod of this revision runs the command again, unless the pod that ran it still exists and shows its result.`,
    todo: [
      'Nothing, if the command can run twice, as migrations should.',
      `Or run it when it suits you, which records it again: ${ours('rerun')}`,
      `See what is left of the record: ${kubectl(`get configmap ${lockConfigMapName(name)} -o yaml`)}`,
    ],
  }),

  'unreadable-grant': ({ pod, kubectl }) => ({
    why: `Another client wrote the annotation ${PREFIX}grant of pod ${pod}, with which migrate.io tells a pod when to run. migrate.io ignores the pod.`,
    todo: [`Delete the pod, and a new one replaces it: ${kubectl(`delete pod ${pod}`)}`],
  }),

  'unknown-protocol': ({ pod, kubectl, name }) => ({
    why: `Pod ${pod} was injected by a newer version of migrate.io than the installed controller.`,
    todo: [
      'Update the controller.',
      `Or inject again with the installed version: ${kubectl(`rollout restart deployment/${name}`)}`,
    ],
  }),

  'namespace-not-labelled': ({ situation, namespace, kubectl, name }) => {
    const { label } = situation.namespace.kind === 'seen' ? situation.namespace : { label: undefined }
    const seen =
      label === undefined
        ? `lacks the label ${INJECTION_LABEL}=enabled`
        : `has the label ${INJECTION_LABEL}=${label}, and only the value enabled counts`
    return {
      why: `Namespace ${namespace} ${seen}, so the migration doesn't run and the app starts without it.`,
      todo: [
        `Opt in: kubectl label namespace ${namespace} ${INJECTION_LABEL}=enabled --overwrite`,
        `Then start a rollout to inject the migration: ${kubectl(`rollout restart deployment/${name}`)}`,
      ],
    }
  },

  'bad-annotations': ({ situation: { facts, namespace: seen }, namespace }) => ({
    why: `The migration doesn't run, and the app starts without it: ${facts.faults.join('; ')}`,
    todo: [
      'Correct that in the manifest and apply it again.',
      ...(seen.kind === 'seen' && seen.label !== 'enabled'
        ? [`Opt the namespace in as well: kubectl label namespace ${namespace} ${INJECTION_LABEL}=enabled --overwrite`]
        : []),
    ],
  }),

  'no-command': () => ({
    why: `It has no annotation ${PREFIX}command under metadata.annotations, so migrate.io ignores it.`,
    todo: [`To migrate it, set the command, such as ${PREFIX}command: flask db upgrade`],
  }),

  'not-yet-injected': ({ situation, namespace, kubectl, name }) => ({
    why:
      situation.namespace.kind === 'unseen'
        ? `It is annotated but not injected, so the app starts without the migration. Either namespace ${namespace} lacks the label ${INJECTION_LABEL}=enabled (you don't have permission to read it), or the Deployment was stored before the label was set or while migrate.io was not installed.`
        : "It is annotated and its namespace has opted in, but it isn't injected, so the app starts without the migration: it was stored before the namespace had the label, or while migrate.io was not installed.",
    todo: [
      `Start a rollout to inject it: ${kubectl(`rollout restart deployment/${name}`)}`,
      'If nothing changes, see whether migrate.io is installed: kubectl get mutatingwebhookconfiguration migrate-io',
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
  return `Meanwhile ${available === 1 ? 'a pod' : `${available} pods`} of the previous revision keep${available === 1 ? 's' : ''} serving.`
}
