import type { Sentences } from './sentences.ts'
import type { TroubleKind } from './trouble.ts'
import { exitInWords, imageInWords, quoted, undo } from './words.ts'

/** Where no pod of the revision can have its turn, since its wrapper does not run. The lock is free meanwhile. */
export const POD_SENTENCES: Sentences<TroubleKind> = {
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
