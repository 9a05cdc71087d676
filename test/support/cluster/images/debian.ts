import { needPrograms } from '../../tooling/debian.ts'
import { showProgress } from '../progress.ts'
import { debianRelease, machinesApt } from './apt.ts'
import { cached } from './cached.ts'
import { passwdLines } from './image.ts'
import { run } from './tar.ts'

const PACKAGES = ['python3-flask-migrate', 'python3-psycopg2', 'gunicorn', 'postgresql']

/** Nobody reads these in a test. */
const NOT_UNPACKED = ['doc', 'i18n', 'info', 'javascript', 'locale', 'man'].map((each) => `/usr/share/${each}/*`)

/** PostgreSQL's just-in-time compiler and Perl's library, which only its administration tools use, are half of it all. */
const REMOVED = [
  'usr/lib/*/libLLVM*',
  'usr/lib/*/libz3*',
  'usr/lib/postgresql/*/lib/bitcode',
  'usr/lib/postgresql/*/lib/llvmjit*',
  'usr/lib/*/perl',
  'usr/lib/*/libperl*',
  'usr/share/perl',
  'etc/ssl/*/ssl-cert-snakeoil.*', // a key that is another one each time
  'var/cache/*',
  'var/lib/apt/*',
  'var/log/*',
]

/** Run by mmdebstrap with the root file system as $1, before the packages above are installed. */
const BEFORE = `
  mkdir -p "$1/etc/postgresql-common"
  echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.conf"
  echo '${passwdLines(['app', 'postgres']).passwd}' >> "$1/etc/passwd"
  echo '${passwdLines(['app', 'postgres']).group}' >> "$1/etc/group"`

/** And after that. What is in PATH as psql is a Perl program that chooses a version; here there is one. */
const AFTER = `
  cd "$1"
  rm -rf ${REMOVED.join(' ')}
  find etc/ssl/certs -lname 'ssl-cert-snakeoil*' -delete
  for program in usr/lib/postgresql/*/bin/*; do ln -s "/$program" usr/local/bin/; done
  install -d -m 755 -o 999 -g 999 var/lib/postgresql/data`

/**
 * The path of a tar file: this machine's Debian release with Python, Flask, gunicorn and PostgreSQL, as the lowest layer
 * of images. Made once, from the package lists that this machine's apt uses.
 */
export async function debianLayer(): Promise<string> {
  const release = debianRelease()
  return cached({
    name: `debian-${release}`,
    ingredients: [process.arch, ...PACKAGES, ...NOT_UNPACKED, BEFORE, AFTER],
    make: async (draft) => {
      needPrograms([{ program: 'mmdebstrap', debianPackage: 'mmdebstrap' }])
      const { sources, settings, keyring } = machinesApt(release)
      const done = showProgress('making a Debian with Flask and PostgreSQL for containers, once: about a minute')
      const options = [
        ...['--variant=essential', '--format=tar', '--skip=output/mknod', `--keyring=${keyring}`],
        `--include=${PACKAGES.join(',')}`,
        ...settings.map((line) => `--aptopt=${line}`),
        ...NOT_UNPACKED.map((path) => `--dpkgopt=path-exclude=${path}`),
        ...[`--essential-hook=${BEFORE}`, `--customize-hook=${AFTER}`],
      ]
      try {
        // Times of files are cut to this, so that the same packages give the same bytes.
        await run('mmdebstrap', [...options, '', draft, ...sources], { SOURCE_DATE_EPOCH: '0' })
      } finally {
        done()
      }
    },
  })
}
