import { span } from './age.ts'
import type { RunReason } from './findings.ts'
import type { Sentences } from './sentences.ts'
import type { Situation } from './situation.ts'
import { exitInWords, quoted, undo } from './words.ts'

/** Where a run is under way, or has been. */
export const RUN_SENTENCES: Sentences<RunReason> = {
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
