import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { type Container, Pod } from '../../../support/wrapper/pod.ts'
import { descriptorsOf } from '../../../support/wrapper/processes.ts'
import { CONCURRENCY, underEachShell } from '../../../support/wrapper/shells.ts'

/** kubelet takes this much from the end of the file. */
const READ_BYTES = 4_096

/** What a command may do to a file, of which only its name is known. */
const DEEDS = {
  truncates: (file: string) => `: >${file}`,
  'redirects its errors': (file: string) => `exec 2>${file}; echo oh no >&2`,
  'appends 5 KiB': (file: string) => `head -c 5120 /dev/zero | tr '\\0' x >>${file}`,
  'writes another number': (file: string) => `printf 'run 4' >${file}`,
} as const

/** What kubelet would report. */
function reported(container: Container): string {
  return container.termination().slice(-READ_BYTES)
}

const line = (text: string): readonly string[] => ['/bin/sh', '-c', '--', `echo ran >> ran; ${text}`]

describe('A command that writes its own termination message', { concurrency: CONCURRENCY }, () => {
  for (const [what, deed] of Object.entries(DEEDS))
    for (const code of [0, 1]) {
      underEachShell(
        `W7: ${what}, exit ${code}: its own exit code, and no second run by that number`,
        async (t, shell) => {
          const pod = new Pod(t, shell, { grant: 'run 3' })
          const first = pod.start({ command: line(`${deed('termination-log.0')}; exit ${code}`) })
          assert.equal((await first.end()).code, code)
          assert.doesNotMatch(reported(first), /^run 3/, 'that is why it needs a path that commands do not know')
          const again = pod.start({ command: line('exit 0') })
          assert.equal((await again.end()).code, 75)
          assert.equal(again.termination(), 'stale 3')
          assert.equal(pod.written('ran'), 'ran\n')
        },
      )

      underEachShell(`W7: ${what}, exit ${code}, with a timeout: the number is there in the end`, async (t, shell) => {
        const pod = new Pod(t, shell, { grant: 'run 3' })
        const container = pod.start({ command: line(`${deed('termination-log.0')}; exit ${code}`), timeout: 60 })
        assert.equal((await container.end()).code, code)
        assert.equal(reported(container), 'run 3')
      })
    }

  underEachShell('W7: it empties the state volume and fails: no second run by that number', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const first = pod.start({ command: line('rm -rf state/*; exit 1') })
    assert.equal((await first.end()).code, 1)
    const again = pod.start({ command: line('exit 0') })
    assert.equal((await again.end()).code, 75)
    assert.equal(again.termination(), 'stale 3 unknown')
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell('W7: it overwrites its number and reaches its limit: both are said', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const command = line(`${DEEDS['appends 5 KiB']('termination-log.0')}; exec sleep 300`)
    const container = pod.start({ command, timeout: 1 })
    assert.equal((await container.end()).code, 124)
    assert.equal(reported(container), 'run 3 timeout')
  })

  for (const options of [{}, { timeout: 60 }]) {
    const mode = 'timeout' in options ? ', with a timeout' : ''
    underEachShell(`W7: no descriptor leads to the message, nor to any other file${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const container = pod.start({ command: line('echo $$ >pid; while [ ! -e go ]; do sleep 0.1; done'), ...options })
      await pod.untilWritten('pid', '\n')
      assert.deepEqual(descriptorsOf(Number(pod.written('pid'))), ['0', '1', '2'])
      pod.write('go', '')
      assert.equal((await container.end()).code, 0)
    })

    underEachShell(
      `W7: it closes and copies descriptors: exit code and number are as ever${mode}`,
      async (t, shell) => {
        const pod = new Pod(t, shell, { grant: 'run 3' })
        const closes = 'exec 3>&2 4<&0 5>&1 0<&- 1>&- 2>&-; echo x >&3; exec 3>&- 4<&- 5>&- 6>&- 7>&- 8>&- 9>&-; exit 5'
        const container = pod.start({ command: line(closes), ...options })
        assert.equal((await container.end()).code, 5)
        assert.equal(container.termination(), 'run 3')
      },
    )
  }
})
