import type { Mutation } from './mutation.ts'

const WRAPPER = 'src/injection/wrapper.sh'
const SIMULATION = { tests: ['test/unit/lock/simulation.test.ts'], title: 'in 10,000 seeds' }

/** All mutations. Each A, W and L id has one at least, so that none of them is shown by tests that can't fail. */
export const MUTATIONS: readonly Mutation[] = [
  // The webhook is asked about namespaces that did not opt in.
  {
    name: 'asked-about-every-namespace',
    ids: ['A1'],
    file: 'deploy/base/mutating-webhook-configuration.yaml',
    find: '      matchLabels:\n        migrate.io/injection: enabled\n',
    replace: '',
    tests: ['test/api/webhook/admission.test.ts'],
  },
  // Volumes that are there already are added once more.
  {
    name: 'appends-volumes-again',
    ids: ['A2'],
    file: 'src/injection/inject.ts',
    find: '...ours.filter(({ name }) => !present.some((volume) => volume.name === name))',
    replace: '...ours',
    tests: ['test/unit/injection/idempotence.test.ts'],
  },
  // The record's ConfigMap is the last source, so that a key `grant` in it hides the real one.
  {
    name: 'record-hides-the-grant',
    ids: ['A3'],
    file: 'src/injection/inject.ts',
    find: '[...record, { downwardAPI: { items } }]',
    replace: '[{ downwardAPI: { items } }, ...record]',
    tests: ['test/unit/cli/golden.test.ts'],
  },
  // An update that changes nothing of the user's gets the newest wrapper.
  {
    name: 'injects-anew-each-time',
    ids: ['A4'],
    file: 'src/injection/decide.ts',
    find: 'equal(now.spec.template, before.spec.template) ? now.spec.template : before.spec.template',
    replace: 'injected(sides, planned.plan as Plan, wrappers).template',
    tests: ['test/api/webhook/stability.test.ts', 'test/unit/injection/histories.test.ts'],
  },
  // A revision that comes back by an undo gets the newest wrapper.
  {
    name: 'forgets-released-wrappers',
    ids: ['A5'],
    file: 'src/injection/decide.ts',
    find: 'const isOther = present !== undefined',
    replace: 'const isOther = false && present !== undefined',
    tests: ['test/api/webhook/changes.test.ts'],
  },
  // Removing the annotation leaves the strategy as the injection set it.
  {
    name: 'keeps-the-injected-strategy',
    ids: ['A6'],
    file: 'src/injection/strategy.ts',
    find: 'if (own === undefined) return value',
    replace: 'if (own !== null) return value',
    tests: ['test/api/webhook/removal.test.ts'],
  },
  // One replica gets maxUnavailable 1 too.
  {
    name: 'stops-the-only-pod',
    ids: ['A7'],
    file: 'src/injection/strategy.ts',
    find: 'maxUnavailable: replicas <= 1 ? 0 : 1',
    replace: 'maxUnavailable: replicas <= 1 ? 1 : 1',
    tests: ['test/unit/injection/strategy.test.ts'],
  },
  // Only the first problem is reported.
  {
    name: 'tells-one-problem',
    ids: ['A8'],
    file: 'src/injection/decide.ts',
    find: 'problems.map(problemText)',
    replace: 'problems.slice(0, 1).map(problemText)',
    tests: ['test/unit/injection/refusals.test.ts'],
  },
  // `$(NAME)` in a command is left to Kubernetes.
  {
    name: 'expands-variables',
    ids: ['A9'],
    file: 'src/injection/inject.ts',
    find: 'plan.argv.map(escapeExpansion)',
    replace: '[...plan.argv]',
    tests: ['test/unit/injection/expansion.test.ts', 'test/api/webhook/pods.test.ts'],
  },
  // The migration runs before the user's own init containers.
  {
    name: 'first-in-the-list',
    ids: ['A10'],
    file: 'src/injection/inject.ts',
    find: '[...theirs, container]',
    replace: '[container, ...theirs]',
    tests: ['test/unit/injection/init-containers.test.ts'],
  },
  // An object that is being deleted is asked about.
  {
    name: 'holds-up-deletion',
    ids: ['A11'],
    file: 'deploy/base/mutating-webhook-configuration.yaml',
    find: `while no webhook is there to be asked.
      - name: not-being-deleted
        expression: "!has(object.metadata.deletionTimestamp)"
`,
    replace: 'while no webhook is there to be asked.\n',
    tests: ['test/api/webhook/unavailable.test.ts'],
  },
  // What is not refused is printed, though something is.
  {
    name: 'prints-beside-a-refusal',
    ids: ['A12'],
    file: 'src/cli/inject-action.ts',
    find: '    const others = result.decided.length - refused\n',
    replace: '    process.stdout.write(result.text)\n    const others = result.decided.length - refused\n',
    tests: ['test/unit/cli/commands.test.ts'],
  },
  // In a namespace that is no longer opted in, an old init container stays.
  {
    name: 'leaves-it-behind',
    ids: ['A13'],
    file: 'src/injection/decide.ts',
    find: 'if (isHeld || wasHeld) return stripped(',
    replace: 'if (optedIn && (isHeld || wasHeld)) return stripped(',
    tests: ['test/api/webhook/namespace.test.ts'],
  },

  // A pod that a record let through follows a grant that it is shown later.
  {
    name: 'forgets-that-it-was-let-through',
    ids: ['W1'],
    file: WRAPPER,
    find: `if [ -e "$mio_state/skipped" ]; then mio_skip 'let through before'; fi`,
    replace: '# it forgot',
    tests: ['test/unit/injection/wrapper/claims.test.ts'],
  },
  // A run number that this pod has claimed is used again.
  {
    name: 'uses-a-number-twice',
    ids: ['W1', 'W5'],
    file: WRAPPER,
    find: 'if [ "$mio_number" -gt "$mio_claimed" ] 2>/dev/null; then mio_run "$@"; fi',
    replace: 'if [ "$mio_number" -gt 0 ] 2>/dev/null; then mio_run "$@"; fi',
    tests: ['test/unit/injection/wrapper/claims.test.ts'],
  },
  // The command is a child of the wrapper, which signals and ends in its own way.
  {
    name: 'stays-above-the-command',
    ids: ['W2'],
    file: WRAPPER,
    find: '  trap - $mio_signals\n  exec "$@"\n',
    replace: '  "$@"\n  exit $?\n',
    tests: ['test/unit/injection/wrapper/command.test.ts', 'test/unit/injection/wrapper/first-process.test.ts'],
  },
  // A wrapper that has waited for a while looks at its files without a pause worth the name.
  {
    name: 'never-rests',
    ids: ['W3'],
    file: WRAPPER,
    find: 'mio_step=0.35',
    replace: 'mio_step=0.001',
    tests: ['test/node/injection/wrapper.test.ts'],
  },
  // The wrapper notes its numbers in a folder of the image, which only root may write, and no one where it is read-only.
  {
    name: 'writes-to-the-image',
    ids: ['W4'],
    file: WRAPPER,
    find: 'mio_state=/run/migrate.io-state\n',
    replace: 'mio_state=/run\n',
    tests: ['test/node/injection/wrapper.test.ts'],
  },
  // At the time limit only the command itself is ended.
  {
    name: 'leaves-children',
    ids: ['W6'],
    file: WRAPPER,
    find: `*" $2 "*) mio_processes="$mio_processes$mio_pid " ;;`,
    replace: `*" $2 "*) [ "$mio_pid" != "$mio_child" ] || mio_processes="$mio_processes$mio_pid " ;;`,
    tests: ['test/unit/injection/wrapper/timeout.test.ts'],
  },

  // A success lets the lock go and is not recorded, so each pod of the revision runs in its turn.
  {
    name: 'records-no-success',
    ids: ['L1'],
    file: 'src/lock/outcome.ts',
    find: 'const entries = pruned(withCompleted(stored.record.entries, revision, completed), snapshot, revision)',
    replace: 'const { entries } = stored.record',
    tests: ['test/node/lock/once.test.ts'],
    title: 'all at once',
  },
  // The record keeps the latest revision only, so an undo runs again.
  {
    name: 'forgets-earlier-revisions',
    ids: ['L2'],
    file: 'src/lock/outcome.ts',
    find: 'return prune(entries, new Set([...present, revision]))',
    replace:
      'return Object.fromEntries(Object.entries(prune(entries, new Set(present))).filter(([key]) => key.endsWith(revision)))',
    tests: ['test/node/lock/kept.test.ts'],
    title: 'scale-up, deleted pods, a drained node, undo: no run, pods start at once, beside the controller',
  },
  // A failed run is tried again without waiting for its backoff.
  {
    name: 'tries-again-at-once',
    ids: ['L3'],
    file: 'src/lock/backoff.ts',
    find: 'return at > now && at - now <= MAX_DELAY_MS ?',
    replace: 'return at > now + MAX_DELAY_MS ?',
    tests: ['test/node/lock/failing.test.ts'],
    title: 'is tried again with the documented backoff',
  },
  // A grant is no compare-and-swap on the pod: one that comes late counts.
  {
    name: 'grants-without-comparing',
    ids: ['L4'],
    file: 'src/kube/client.ts',
    find: 'const body = { metadata: { uid, resourceVersion, annotations } }',
    replace: 'const body = { metadata: { annotations } }',
    tests: ['test/node/lock/paused.test.ts'],
    title: 'the revision changed meanwhile',
  },
  // A named lock that another Deployment holds counts as free.
  {
    name: 'takes-a-held-lock',
    ids: ['L5'],
    file: 'src/lock/named-lock.ts',
    find: "  if (hold === 'held') return { kind: 'busy', configMap, isOurs: false }\n",
    replace: '',
    tests: ['test/node/lock/named.test.ts'],
    title: 'both are rolled out at the same time',
  },
  // A lock is free as soon as its holder is to be deleted, though its command may live on; and nothing takes that run up
  // again.
  {
    name: 'frees-at-deletion',
    ids: ['L6'],
    edits: [
      {
        file: 'src/lock/decide.ts',
        find: 'if (pod?.metadata.uid !== holder.uid)',
        replace: 'if (pod?.metadata.uid !== holder.uid || pod.metadata.deletionTimestamp !== undefined)',
      },
      {
        file: 'src/lock/decide.ts',
        find: 'function isUnknownRun(pod: Pod, { record }: Stored): boolean {\n',
        replace:
          'function isUnknownRun(pod: Pod, { record }: Stored): boolean {\n  if (pod.metadata.deletionTimestamp !== undefined) return false\n',
      },
    ],
    tests: ['test/node/lock/held.test.ts'],
    title: 'a deletion frees no lock',
  },
  // Any exit of the migration's container counts as the end of a run.
  {
    name: 'any-exit-ends-a-run',
    ids: ['L7'],
    file: 'src/lock/pod-state.ts',
    find: "return isOver(pod) ? { kind: 'interrupted', why: 'pod-failed' } : { kind: 'unknown' }",
    replace: "return ends(pod).length > 0 ? { kind: 'interrupted', why: 'stale' } : { kind: 'unknown' }",
    ...SIMULATION,
  },
  // A number is given up before the pod was told to wait for a higher one.
  {
    name: 'gives-up-without-wait',
    ids: ['L7'],
    file: 'src/lock/decide.ts',
    find: "if (!isWanted(snapshot, stored, holder, pod)) return { kind: 'settle', pod, number, of: 'own' }",
    replace:
      "if (!isWanted(snapshot, stored, holder, pod)) return { kind: 'release', stored, holder, event: { kind: 'given-up', pod: holder.pod, number, why: 'not-wanted' } }",
    ...SIMULATION,
  },
  // A grant is written over whatever the pod was told by then.
  {
    name: 'grant-without-compare',
    ids: ['L7'],
    file: 'src/controller/write-pod.ts',
    find: '  return await api.annotatePod(pod.metadata, { [GRANT_ANNOTATION]: formatGrant(grant), ...marks })',
    replace: `  const fresh = await api.read('Pod', pod.metadata.namespace, pod.metadata.name)
  return await api.annotatePod((fresh ?? pod).metadata, { [GRANT_ANNOTATION]: formatGrant(grant), ...marks })`,
    ...SIMULATION,
  },
  // The holder is written over whatever the record says by then.
  {
    name: 'holder-without-compare',
    ids: ['L7'],
    file: 'src/controller/actions.ts',
    find: 'async function writeRecord({ configMap }: Stored, record: LockRecord, { api }: ReconcileContext): Promise<ConfigMap> {\n',
    replace: `async function writeRecord({ configMap: seen }: Stored, record: LockRecord, { api }: ReconcileContext): Promise<ConfigMap> {
  const configMap = (await api.read('ConfigMap', seen.metadata.namespace, seen.metadata.name)) ?? seen
`,
    ...SIMULATION,
  },
  // The wrapper does not note which numbers it has used.
  {
    name: 'no-claim',
    ids: ['L7'],
    file: WRAPPER,
    find: '{ true >"$mio_state/run-$mio_number" && mio_note; }',
    replace: '{ mio_note; }',
    tests: ['test/unit/lock/simulated-wrapper.test.ts'],
  },
  // A lost lock is made anew without telling the pods first.
  {
    name: 'no-fence',
    ids: ['L7'],
    file: 'src/controller/recover-lock.ts',
    find: 'for (const pod of fence.undecided) await fencePod(api, pod, fence.number)',
    replace: '',
    ...SIMULATION,
  },
  // A pod that was told a higher number may still be told a lower one.
  {
    name: 'numbers-go-down',
    ids: ['L7'],
    file: 'src/lock/grant.ts',
    find: "return decidedNumber(grant) >= number ? 'never' : 'open'",
    replace: "return grant.kind === 'wait' && grant.number === number ? 'never' : 'open'",
    ...SIMULATION,
  },
  // The lock is let go in one write, and the success recorded in another.
  {
    name: 'record-after-release',
    ids: ['L7'],
    edits: [
      {
        file: 'src/controller/actions.ts',
        find: 'import { formatRecord, type Holder',
        replace: 'import { readRecord, formatRecord, type Holder',
      },
      {
        file: 'src/controller/actions.ts',
        find: `      const configMap = await writeRecord(stored, record, context)
      report(event, key)
      const released =`,
        replace: `      const freed = await writeRecord(stored, { ...stored.record, holder: undefined }, context)
      const read = readRecord(freed)
      if (read.kind !== 'record') return AGAIN
      for (let tries = 0; tries < 9; tries++) {
        const present = await api.read('ConfigMap', key.namespace, freed.metadata.name)
        if (present === undefined) break
        try { await api.replace('ConfigMap', { ...present, data: { ...present.data, ...record.entries } }); break } catch {}
      }
      report(event, key)
      const released =`,
      },
      {
        file: 'src/controller/actions.ts',
        find: "return { kind: 'on', snapshot: withRecord(snapshot, configMap), released }",
        replace: "return { kind: 'again', released }",
      },
    ],
    ...SIMULATION,
  },
  // A lock that is made anew is free, whoever runs, and a run that the record does not know is not taken up later either.
  {
    name: 'forgets-who-runs',
    ids: ['L8'],
    edits: [
      {
        file: 'src/lock/fence.ts',
        find: ".filter((pod) => fenceStateOf(pod) === 'running')",
        replace: '.filter(() => false)',
      },
      {
        file: 'src/lock/decide.ts',
        find: 'return completedOf(record.entries, revisionOfPod(pod))?.number !== grant.number',
        replace: 'return false',
      },
    ],
    tests: ['test/node/lock/life.test.ts'],
    title: 'deleted while nothing runs, then during a run',
  },
  // A pod is given the lock before its wrapper runs, also one that never will.
  {
    name: 'chooses-pods-that-cannot-run',
    ids: ['L9'],
    file: 'src/lock/pod-state.ts',
    find: "(phase ?? 'Pending') === 'Pending' && isRunning(pod)",
    replace: "(phase ?? 'Pending') === 'Pending'",
    tests: ['test/node/lock/stuck.test.ts'],
    title: 'an image that is not there',
  },
  // What the init container has and the app's has not is another webhook's, where nothing is recorded of it.
  {
    name: 'takes-left-overs-for-additions',
    ids: ['A14'],
    file: 'src/injection/copied.ts',
    find: 'return own === undefined || claimed === record ? undefined : [own]',
    replace: 'return own === undefined || claimed === record ? [] : [own]',
    tests: ['test/unit/injection/edited.test.ts'],
  },
  // Only a node selector says that a pod is for Windows.
  {
    name: 'overlooks-an-affinity',
    ids: ['A16'],
    file: 'src/injection/plan.ts',
    find: "isWindowsRequired(spec['affinity'])",
    replace: 'isWindowsRequired(null)',
    tests: ['test/unit/injection/windows.test.ts'],
  },
  // A failure whose number was overwritten is never counted.
  {
    name: 'waits-for-an-overwritten-number',
    ids: ['W7'],
    file: 'src/lock/pod-state.ts',
    find: 'run ?? (isFollowed ? before : undefined)',
    replace: 'run',
    tests: ['test/unit/lock/pod-state.test.ts'],
  },
  // A pod that no Deployment made waits for ever.
  {
    name: 'waits-without-a-deployment',
    ids: ['W8'],
    file: WRAPPER,
    find: '-gt "$mio_unlabelled_seconds" ]; then mio_refuse; fi',
    replace: '-gt "$mio_unlabelled_seconds" ]; then :; fi',
    tests: ['test/unit/injection/wrapper/waiting.test.ts'],
    title: 'no label for longer than a moment',
  },
  // After a power loss a wrapper believes a number that it may have used before.
  {
    name: 'believes-after-a-power-loss',
    ids: ['W9'],
    file: WRAPPER,
    find: '  if [ "$mio_line" ] && [ -e "$mio_boot" ]; then return; fi\n',
    replace: '  return\n',
    tests: ['test/unit/lock/simulated-wrapper.test.ts'],
  },
  // A run whose record is lost has the named lock that the Deployment names by now.
  {
    name: 'asks-the-deployment-for-the-lock-of-a-run',
    ids: ['L11'],
    file: 'src/controller/recover-lock.ts',
    find: 'lock: lock ?? UNKNOWN_LOCK,',
    replace: '',
    tests: ['test/unit/controller/recover-lock.test.ts', 'test/unit/lock/simulation.test.ts'],
  },
  // A record that is a copy of another counts.
  {
    name: 'believes-copies',
    ids: ['L12'],
    file: 'src/lock/config-map.ts',
    find: "return uid === metadata.uid ? 'original' : 'copy'",
    replace: "return 'original'",
    tests: ['test/unit/lock/record.test.ts'],
  },
  // Digests of two architectures are compared.
  {
    name: 'compares-architectures',
    ids: ['L13'],
    file: 'src/controller/moved-images.ts',
    find: '(await platform?.(node)) !== completed.platform',
    replace: 'platform === undefined',
    tests: ['test/unit/controller/moved-images.test.ts'],
  },
  // A grant that kubelet missed is left to kubelet.
  {
    name: 'nudges-nobody',
    ids: ['L14'],
    file: 'src/lock/decide.ts',
    find: "if (at <= now) return { kind: 'nudge', pod, wait }",
    replace: 'if (at <= now) continue',
    tests: ['test/unit/lock/decide.test.ts'],
  },
  // Of standard input only what is there at once is read.
  {
    name: 'reads-the-first-piece',
    ids: ['A15'],
    file: 'src/cli/sources.ts',
    find: 'return Array.fromAsync<Buffer>(process.stdin)',
    replace: 'for await (const piece of process.stdin) return [piece as Buffer]\n    return []',
    tests: ['test/unit/cli/sources.test.ts'],
    title: 'standard input is read',
  },
]
