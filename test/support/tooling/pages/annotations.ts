import { ANNOTATIONS, SHAPING_NAMES } from '../../../../src/injection/annotations.ts'
import {
  AUTOSCALER_MARKS,
  FIELD_MANAGER,
  FILES_PATH,
  GRANT_ANNOTATION,
  INJECTED_ANNOTATION,
  INJECTION_LABEL,
  lockConfigMapName,
  MARKS_ANNOTATION,
  MESSAGE_PATH,
  NUDGE_ANNOTATION,
  namedLockConfigMapName,
  PREFIX,
  PROTOCOL_LABEL,
  RECORD_LABEL,
  RECORD_MARKS,
  STATE_PATH,
} from '../../../../src/names.ts'
import type { Generated } from '../generated.ts'
import { code, page, sentence, table } from './markdown.ts'

/** What a user writes, and what we write. */
export function annotationsPage(): Generated {
  const rows = Object.entries(ANNOTATIONS).map(([name, { value, default: otherwise, example }]) => [
    code(PREFIX + name),
    sentence(value),
    sentence(otherwise),
    code(example),
  ])
  const shaping = SHAPING_NAMES.map((name) => code(PREFIX + name)).join(', ')
  return page(
    'annotations',
    'src/injection/annotations.ts and src/names.ts',
    '# Annotations and labels',
    '## Yours, on the Deployment',
    'Under `metadata.annotations` of the Deployment itself, not of its pod template. All values are strings: quote numbers.',
    table(['annotation', 'value', 'default', 'example'], rows),
    `A change of ${shaping} changes the injected container, so it makes a new revision, which migrates. The others start no
rollout: \`migrate.io/strategy\` counts from then on, \`migrate.io/lock\` and \`migrate.io/retries\` are read live.`,
    `An annotation that begins with \`${PREFIX}\` and is none of these, a value that is not allowed, or anything else that stands
in the way is refused, with one message that names each problem, what was seen and what is allowed. An update is refused
only for what it changes: a fault that the stored object has too is a warning, unless the update makes a new revision of an
injected Deployment, which would start with that fault.`,
    '## Yours, on the namespace',
    table(
      ['label', 'value'],
      [[code(INJECTION_LABEL), '`enabled` opts in; no other value does, and without it nothing is injected.']],
    ),
    '## Ours',
    'To be read, not written. Policies keep others from writing the grant and from making records.',
    table(
      ['where', 'name', 'what it says'],
      [
        [
          'Deployment, annotation',
          code(INJECTED_ANNOTATION),
          'Which version injected, from which container it copied what (names of variables, paths of mounts, references; no values), and what strategy and deadline were before.',
        ],
        ['pod template, label', code(PROTOCOL_LABEL), 'By which protocol the wrapper speaks with the controller.'],
        [
          'pod, annotation',
          code(GRANT_ANNOTATION),
          'Empty, `run <n>`, `wait <n>` or `skip`: what the pod is to do. After `run <n>` a second line may say `lock <name>`: the shared lock of that run.',
        ],
        [
          'pod, annotation',
          code(NUDGE_ANNOTATION),
          'For which grant the pod was nudged: kubelet writes its files once more where it may have missed that.',
        ],
        [
          'pod, annotation',
          code(MARKS_ANNOTATION),
          `Which of ${Object.keys(AUTOSCALER_MARKS).map(code).join(' and ')} are ours; they are there while the pod holds the lock.`,
        ],
        [
          'ConfigMap',
          code(lockConfigMapName('<deployment>')),
          `Lock and record of a Deployment: \`number\`, \`holder\`, \`completed.<revision>\`, \`failed.<revision>\`, and the ConfigMap's own \`uid\`. Label ${code(`${RECORD_LABEL}=deployment`)}, field manager ${code(FIELD_MANAGER)}.`,
        ],
        [
          'ConfigMap',
          code(namedLockConfigMapName('<lock>')),
          `A lock that Deployments share. Label ${code(`${RECORD_LABEL}=lock`)}.`,
        ],
        [
          'both ConfigMaps',
          Object.keys({ ...RECORD_MARKS.labels, ...RECORD_MARKS.annotations })
            .map(code)
            .join(', '),
          'Marks for other tools: backups leave them out, and what restarts apps for changed configuration ignores them.',
        ],
        [
          'init container, folder',
          code(FILES_PATH),
          'Read-only: grant, revision and record, as the wrapper reads them.',
        ],
        ['init container, folder', code(STATE_PATH), 'The run numbers that the pod has used.'],
        [
          'init container, file',
          code(MESSAGE_PATH),
          'Its termination message: the run number. There is no `/dev/termination-log` in it.',
        ],
      ],
    ),
  )
}
