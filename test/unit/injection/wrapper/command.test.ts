import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext } from 'node:test'
import { Pod, STOP_MS, type Start } from '../../../support/wrapper/pod.ts'
import { cpuSecondsOf, descriptorsOf, statusOf } from '../../../support/wrapper/processes.ts'
import { CONCURRENCY, type Shell, underEachShell } from '../../../support/wrapper/shells.ts'

const MODES = [
  { mode: 'exec', options: {} },
  { mode: 'with a timeout', options: { timeout: 60 } },
] as const

const line = (text: string): readonly string[] => ['/bin/sh', '-c', '--', text]

/** A pod whose number is granted already. */
async function run(t: TestContext, shell: Shell, start: Start) {
  const pod = new Pod(t, shell, { grant: 'run 3' })
  const container = pod.start(start)
  const { code } = await container.end()
  return { pod, container, code }
}

/** Stops upon TERM while waiting; waits, runs the number once, and not again in the next container. */
async function worksWith(pod: Pod, env: Readonly<Record<string, string>>, options: { readonly timeout?: number }) {
  const places = { staleSeconds: 1 }
  const start = { places, command: line("echo ran >> ran; env | grep '^mio_'; exit 4"), env, ...options }
  const stopped = pod.start(start)
  await stopped.untilSlept(2)
  stopped.signal('SIGTERM')
  assert.equal((await stopped.end(STOP_MS)).code, 143)
  const container = pod.start(start)
  await container.assertWaits()
  pod.files.update({ grant: 'run 3' })
  assert.equal((await container.end()).code, 4)
  assert.equal(container.termination(), 'run 3')
  assert.equal(container.output, '', 'no variable of ours')
  assert.equal((await pod.start(start).end()).code, 75)
  assert.equal(pod.written('ran'), 'ran\n')
}

describe('The wrapper runs the command as it is', { concurrency: CONCURRENCY }, () => {
  for (const { mode, options } of MODES) {
    for (const code of [0, 1, 2, 74, 75, 124, 126, 143, 255]) {
      underEachShell(`W2: exit code ${code} is the command's; ${mode}`, async (t, shell) => {
        const { container, code: seen } = await run(t, shell, { command: line(`exit ${code}`), ...options })
        assert.equal(seen, code)
        assert.equal(container.termination(), 'run 3')
      })
    }

    underEachShell(`W2: a program that is not there: 127, not executable: 126; ${mode}`, async (t, shell) => {
      const missing = await run(t, shell, { command: ['/nowhere/migrate'], ...options })
      assert.equal(missing.code, 127)
      assert.equal(missing.container.termination(), 'run 3')
      assert.match(missing.container.stderr, /\/nowhere\/migrate/)
      assert.equal((await run(t, shell, { command: ['/etc/passwd'], ...options })).code, 126)
    })

    underEachShell(`W2: output comes whole, byte for byte; ${mode}`, async (t, shell) => {
      const text = 'no newline at the end; \\n \\c %s; ü; the end'
      const bytes = 1_000_000
      const { container, code } = await run(t, shell, {
        command: line(`head -c ${bytes} /dev/zero | tr '\\0' x; printf %s '${text}'; printf %s '${text}' >&2`),
        ...options,
      })
      assert.equal(code, 0)
      assert.ok(container.output === 'x'.repeat(bytes) + text, `${container.output.length} characters came`)
      assert.ok(container.stderr.endsWith(text), container.stderr)
    })

    underEachShell(`W2: standard output is the command's alone; ${mode}`, async (t, shell) => {
      const { container } = await run(t, shell, { command: line('echo out'), ...options })
      assert.equal(container.stdout, 'out\n')
    })

    underEachShell(`W1: arguments arrive byte for byte; ${mode}`, async (t, shell) => {
      const nasty = [
        '',
        ' ',
        `it's "quoted"`,
        'two\nlines\n',
        '\n',
        `$(X) $$ $$$ $HOME \${HOME} $0 $1 $@`,
        '`id` $(id)',
        'für 東京 🚀 \u0301',
        '-',
        '--',
        '-c',
        '-n',
        'timeout=1',
        'a\\nb\\',
        '*',
        '~',
        '!',
        '#',
        ';&|<>(){}[]?',
        '\t\r\v\f\u0001\u007f',
        'x=y',
        `${'0123456789"\'\\\n$'.repeat(7_000)}`, // 100 KiB
        '',
      ]
      assert.ok(nasty.some((argument) => argument.length >= 100 * 1024))
      const { container, code } = await run(t, shell, {
        command: ['/usr/bin/printf', '%s\\0', ...nasty],
        ...options,
      })
      assert.equal(code, 0)
      assert.deepEqual(container.output.split('\0').slice(0, -1), nasty)
    })

    underEachShell(`W1: a shell line arrives byte for byte; ${mode}`, async (t, shell) => {
      const text = `printf '%s' "$0|$#|\\$(X) \\$\\$" '"' "it's"\n# 100 KiB: ${'ü$'.repeat(34_200)}`
      const { container, code } = await run(t, shell, { command: line(text), ...options })
      assert.equal(code, 0)
      assert.equal(container.output, `/bin/sh|0|$(X) $$"it's`)
    })

    underEachShell(`W1: a program is not replaced by the shell's builtin of that name; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      mkdirSync(pod.path('bin'))
      for (const name of ['exit', 'eval', 'true', 'wait', 'trap', 'mio_wait']) {
        const file = join(pod.path('bin'), name)
        writeFileSync(file, `#!/bin/sh\necho "own ${name} $1"\nexit 9\n`)
        chmodSync(file, 0o755)
      }
      const env = { PATH: `${pod.path('bin')}:/usr/bin:/bin` }
      let number = 3
      // busybox takes its own `true` whatever PATH says, as it would without us.
      for (const name of ['exit', 'eval', 'wait', 'trap', 'mio_wait', ...(shell.looksInPath ? ['true'] : [])]) {
        pod.files.update({ grant: `run ${++number}` })
        const container = pod.start({ command: [name, '0'], env, ...options })
        assert.deepEqual([(await container.end()).code, container.output], [9, `own ${name} 0\n`], name)
      }
    })

    underEachShell(`W1: a program's path may hold spaces; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const tool = pod.path('my *tool')
      writeFileSync(tool, '#!/bin/sh\necho "$0|$1|$#"\n')
      chmodSync(tool, 0o755)
      const container = pod.start({ command: [tool, 'a  b'], ...options })
      assert.equal((await container.end()).code, 0)
      assert.equal(container.output, `${tool}|a  b|1\n`)
    })

    underEachShell(`W1: the working folder and the umask are the container's; ${mode}`, async (t, shell) => {
      const { pod, container } = await run(t, shell, { command: line('pwd -P; umask'), ...options })
      assert.equal(container.output, `${pod.folder}\n${process.umask().toString(8).padStart(4, '0')}\n`)
    })

    underEachShell(`W1: the environment is what it would be without us; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3', holder: '{"pod":"web-1","uid":"x","run":2}' })
      // Other names than these, a shell sets or keeps back by itself: IFS, PWD, SHLVL, OPTIND, PS1, PS4, `a.b`.
      const untouchable = {
        ...Object.fromEntries(
          ['n', 'i', 'dir', 'timeout', 'grant', 'revision', 'run', 'pid', 'line', 'number', 'holder', 'pod', 'message']
            .concat(['state', 'status', 'rc', 'code', 'x', 'f', 's', 'word', 'rest', 'key', 'value', 'files', 'said'])
            .concat(['REPLY', 'OPTARG', 'TERM', 'CDPATH', 'HOME', 'LANG', 'ENV', 'TMPDIR', 'TZ', 'UNKNOWN'])
            .map((name) => [name, `the user's ${name}\n$(x) *`]),
        ),
        empty: '',
        BIG: 'b'.repeat(50_000),
        ünï: 'ü',
      }
      const env = {
        ...untouchable,
        PATH: '/app/bin:/usr/bin:/bin:.:/a b:/*',
        IFS: '1n',
        PWD: '/somewhere',
        OLDPWD: '/tmp',
        SHLVL: '4',
        _: 'under',
        OPTIND: '7',
        PS1: '> ',
        PS4: '+> ',
        'spring.datasource.url': 'jdbc:x',
        'with-dash': 'd',
      }
      const bare = spawnSync(shell.argv[0], [...shell.argv.slice(1), '-c', 'exec "$@"', 'sh', '/usr/bin/env', '-0'], {
        env,
        cwd: pod.folder,
        encoding: 'utf8',
      })
      const container = pod.start({ command: ['/usr/bin/env', '-0'], env, ...options })
      await container.end()
      const own = ['_', ...(mode === 'exec' ? [] : ['SHLVL'])] // bash sets them by itself, differently each time
      const sorted = (text: string) =>
        text
          .split('\0')
          .filter((each) => each !== '' && each !== pod.mark && !own.includes(each.split('=', 1)[0] ?? ''))
          .toSorted()
      const seen = sorted(container.output)
      assert.deepEqual(seen, sorted(bare.stdout))
      for (const [name, value] of Object.entries({ ...untouchable, PATH: env.PATH })) {
        if (!/^\w+$/.test(name)) continue // dash and ash keep such names back, also without us
        assert.ok(seen.includes(`${name}=${value}`), `${name} is as the user set it`)
      }
      assert.equal(container.output.includes('mio_'), false, 'nothing of ours')
    })

    underEachShell(`W1: a PATH that holds nothing but sleep; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { holder: '{"pod":"web-1","uid":"x","run":2}' })
      mkdirSync(pod.path('bin'))
      writeFileSync(join(pod.path('bin'), 'sleep'), '#!/bin/sh\nexec /bin/sleep "$@"\n')
      chmodSync(join(pod.path('bin'), 'sleep'), 0o755)
      const container = pod.start({ command: line('echo "$PATH"'), env: { PATH: pod.path('bin') }, ...options })
      await container.untilSlept(3)
      assert.ok(!/not found/.test(container.stderr), container.stderr)
      pod.files.update({ grant: 'run 3' })
      assert.equal((await container.end()).code, 0)
      assert.equal(container.output, `${pod.path('bin')}\n`)
      assert.ok(!/not found/.test(container.stderr), container.stderr)
    })

    underEachShell(`W1: programs of the image's that are named like tools are not used; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell)
      mkdirSync(pod.path('bin'))
      const names = [
        'cat',
        'printf',
        'echo',
        'test',
        '[',
        'rm',
        'mv',
        'mkdir',
        'ls',
        'date',
        'sed',
        'grep',
        'kill',
        'ps',
      ]
      for (const name of [
        ...names,
        'timeout',
        'true',
        'read',
        'head',
        'awk',
        'cut',
        'tr',
        'seq',
        'expr',
        'env',
        'sync',
      ]) {
        writeFileSync(join(pod.path('bin'), name), `#!/bin/sh\necho ${name} >> ${pod.path('used')}\nexit 1\n`)
        chmodSync(join(pod.path('bin'), name), 0o755)
      }
      const env = { PATH: `${pod.path('bin')}:/usr/bin:/bin` }
      const container = pod.start({ command: ['/bin/sh', '-c', '--', 'exit 5'], env, ...options })
      await container.untilSlept(2)
      pod.files.update({ grant: 'run 3' })
      assert.equal((await container.end()).code, 5)
      assert.equal(pod.written('used'), '')
    })

    for (const [what, start] of [
      ['a PATH without sleep', { env: { PATH: '/nowhere' } }],
      ['an empty PATH', { env: { PATH: '' } }],
      ['no PATH at all', { withoutPath: true }],
    ] as const) {
      underEachShell(`W1: ${what}: it waits, without spinning, and runs; ${mode}`, async (t, shell) => {
        const pod = new Pod(t, shell, { grant: 'wait 2' })
        const container = pod.start({ command: line('exit 6'), ...start, ...options })
        const began = performance.now()
        await container.untilSlept(4)
        const share = cpuSecondsOf(container.pid) / ((performance.now() - began) / 1000)
        pod.files.update({ grant: 'run 3' })
        assert.equal((await container.end()).code, 6)
        assert.ok(share < 0.5, `${share} of a CPU while waiting`)
      })
    }

    // bash reads BASH_ENV and SHELLOPTS; the other shells must not mind them.
    for (const [what, profile] of [
      ['set -eu', 'set -eu'],
      ['set -f', 'set -f'],
      ['set -C', 'set -C'],
      ['set -a', 'set -a'],
      ['shopt -s nullglob failglob', 'shopt -s nullglob failglob 2>/dev/null || :'],
      ['IFS=u03', 'IFS=u03'],
      ['umask 077', 'umask 077'],
    ] as const) {
      underEachShell(`W1: an ENV or BASH_ENV file with ${what} does not break it; ${mode}`, async (t, shell) => {
        const pod = new Pod(t, shell)
        pod.write('profile', `${profile}\n`)
        await worksWith(pod, { ENV: pod.path('profile'), BASH_ENV: pod.path('profile') }, options)
      })
    }

    for (const [name, value] of [
      ['IFS', 'run 3u'],
      ['SHELLOPTS', 'errexit:nounset'],
      ['SHELLOPTS', 'noclobber'],
      ['SHELLOPTS', 'noglob'],
      ['POSIXLY_CORRECT', '1'],
      ['CDPATH', '/:/tmp'],
    ] as const) {
      underEachShell(`W1: the user's ${name}=${value} does not break it; ${mode}`, async (t, shell) => {
        await worksWith(new Pod(t, shell), { [name]: value }, options)
      })
    }
  }

  underEachShell("W1: standard input is the command's", async (t, shell) => {
    const { container } = await run(t, shell, { command: ['/bin/cat'], stdin: 'line 1\nline 2 without end' })
    assert.equal(container.output, 'line 1\nline 2 without end')
  })

  underEachShell('W1: reading standard input while waiting takes none of it', async (t, shell) => {
    const pod = new Pod(t, shell)
    const container = pod.start({ command: ['/bin/cat'], stdin: 'all of it\n' })
    await container.untilSlept(2)
    pod.files.update({ grant: 'run 3' })
    await container.end()
    assert.equal(container.output, 'all of it\n')
  })

  underEachShell(
    'W2: the command takes the place of the wrapper, with no file open and no signal ignored',
    async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'wait 2' })
      const container = pod.start({ command: line('echo $$ >> pid; exec sleep 60') })
      await container.untilSlept(2)
      pod.files.update({ grant: 'run 3' })
      await pod.untilWritten('pid', '\n')
      assert.equal(pod.written('pid'), `${container.pid}\n`)
      assert.deepEqual(descriptorsOf(container.pid), ['0', '1', '2'])
      assert.equal(BigInt(`0x${statusOf(container.pid, 'SigIgn')}`), 0n)
      assert.equal(BigInt(`0x${statusOf(container.pid, 'SigBlk')}`), 0n)
      container.signal('SIGTERM')
      assert.equal((await container.end()).signal, 'SIGTERM')
      await pod.assertNothingRuns()
    },
  )

  underEachShell('W2: TERM while running reaches the command itself', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const command = line(`trap 'echo TERM; exit 17' TERM; echo ready >> ready; while :; do sleep 0.05; done`)
    const container = pod.start({ command })
    await pod.untilWritten('ready', 'ready')
    container.signal('SIGTERM')
    assert.equal((await container.end()).code, 17)
    assert.equal(container.output, 'TERM\n')
    assert.equal(container.termination(), 'run 3')
  })

  underEachShell('W1: a signal that the container ignores stays ignored for the command', async (t, shell) => {
    const { container } = await run(t, shell, {
      command: line('grep SigIgn /proc/self/status'),
      prefix: ['/bin/sh', '-c', `trap '' HUP PIPE; exec "$@"`, 'sh'],
    })
    const ignored = BigInt(`0x${/SigIgn:\s*(\w+)/.exec(container.output)?.[1]}`)
    const HUP_AND_PIPE = (1n << 0n) | (1n << 12n)
    assert.equal(ignored & HUP_AND_PIPE, HUP_AND_PIPE)
  })

  underEachShell('W1: it touches nothing but state and message', async (t, shell) => {
    const { container } = await run(t, shell, { command: line('ls -A') })
    assert.deepEqual(container.output.split('\n').filter(Boolean).toSorted(), [
      'boot_id',
      'files',
      'state',
      'stdin',
      'termination-log.0',
    ])
  })
})
