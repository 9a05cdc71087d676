#!/bin/sh
# Waits for the lock, then becomes the migration command. Run as
#   /bin/sh -c SCRIPT migrate-io timeout=SECONDS|none COMMAND [ARGUMENT...]
# in an image of which nothing is known but that it has a POSIX shell and `sleep`. It talks to nobody: it reads the
# files that kubelet projects, and leaves its run number in the state volume and in the termination message.
# Every variable starts with mio_, so that no variable of the command's environment is changed.
# Lines that hold only a comment are left out of what is injected.

# An image may set shell options by SHELLOPTS or BASH_ENV; the command gets its environment as it is.
set +aefuC
IFS=$(printf ' \t\n.')
IFS=${IFS%.}
mio_files=/run/migrate.io
mio_state=/run/migrate.io-state
mio_message=/dev/migrate.io-message
mio_boot_id=/proc/sys/kernel/random/boot_id
mio_stale_seconds=60
mio_unlabelled_seconds=5
mio_kill_seconds=10
# Whatever an image's STOPSIGNAL may be. A shell that is PID 1 ignores each signal that it has no trap for.
mio_signals='TERM INT QUIT HUP USR1 USR2 WINCH'

mio_timeout=${1#timeout=}
shift

mio_say() {
  printf 'migrate.io: %s\n' "$1" >&2
}

# The first line of a file, in mio_line; nothing where there is no such file.
mio_read() {
  mio_line=
  { IFS= read -r mio_line <"$1"; } 2>/dev/null || :
}

# Whole seconds of a clock that nobody can set, in mio_now. The first one counts for less than a second: limits are
# reached only when they are exceeded.
mio_clock() {
  mio_read /proc/uptime
  mio_now=${mio_line%%.*}
}

# The app's PATH may lack the system's folders.
mio_sleep='sleep'
command -v sleep >/dev/null 2>&1 || mio_sleep='command -p sleep'

# Often at first, since most waits are short. Some shells' sleep takes whole seconds only.
mio_pause() {
  mio_clock
  if [ -z "$mio_whole" ]; then
    if [ $((mio_now - mio_started)) -lt 5 ]; then mio_step=0.1; else mio_step=0.35; fi
    # shellcheck disable=SC2086 # split, here and below
    $mio_sleep $mio_step 2>/dev/null && return
    mio_whole=yes
  fi
  $mio_sleep 1 2>/dev/null && return
  mio_say 'this image has no working sleep, which is needed to wait'
  exit 69
}

# The highest run number that this pod ever used, in mio_claimed. One empty file each: creating a file can't be half done.
mio_read_claimed() {
  mio_claimed=0
  for mio_file in "$mio_state"/run-*; do
    mio_number=${mio_file##*/run-}
    if [ "$mio_number" -gt "$mio_claimed" ] 2>/dev/null; then mio_claimed=$mio_number; fi
  done
}

# Says what it waits for, once, and again when that changes.
mio_explain() {
  if [ "$mio_number" ]; then
    mio_why="run $mio_number was used by an earlier start of this container; waiting for another"
  else
    mio_read "$mio_files/holder"
    case $mio_line in
    *'"pod":'*)
      mio_line=${mio_line#*'"pod":'}
      mio_line=${mio_line#*'"'}
      mio_why="waiting: pod ${mio_line%%'"'*} holds the lock"
      ;;
    *) mio_why='waiting for the migrate.io controller to let this pod run the migration or skip it' ;;
    esac
  fi
  if [ "$mio_why" != "$mio_said" ]; then
    mio_said=$mio_why
    mio_say "$mio_why"
  fi
}

# All processes below this one, and those that left their parent but not our session, in mio_processes.
mio_find_processes() {
  mio_processes=' '
  mio_before=
  while [ "$mio_processes" != "$mio_before" ]; do
    mio_before=$mio_processes
    for mio_file in /proc/[0-9]*/stat; do
      mio_read "$mio_file"
      mio_pid=${mio_line%% *}
      # What follows the name, which may hold anything: state, parent, process group, session.
      # shellcheck disable=SC2086 # split into fields
      set -- ${mio_line##*) }
      case $mio_processes in *" $mio_pid "*) continue ;; esac
      if [ "$mio_pid" = $$ ] || [ "${1:-Z}" = Z ]; then continue; fi
      case " $$$mio_processes" in
      *" $2 "*) mio_processes="$mio_processes$mio_pid " ;;
      *) if [ "$4" = $$ ]; then mio_processes="$mio_processes$mio_pid "; fi ;;
      esac
    done
  done
}

mio_signal_processes() {
  mio_find_processes
  for mio_pid in $mio_processes; do
    kill -s "$1" "$mio_pid" 2>/dev/null
  done
}

# Runs the command with a time limit. Not by `timeout`, which not every image has, nor works as PID 1 in busybox.
mio_run_limited() {
  # Before it starts: a signal in between must not end this shell and leave the command.
  mio_child='' mio_signalled=''
  # A shell makes its background processes ignore INT and QUIT: TERM stands for all.
  # shellcheck disable=SC2086 # split
  trap 'mio_signalled=yes; [ -z "$mio_child" ] || kill -s TERM "$mio_child" 2>/dev/null' $mio_signals
  # In the background's own shell, so that no builtin nor function of this one stands in for a program.
  exec "$@" &
  mio_child=$!
  [ -z "$mio_signalled" ] || kill -s TERM "$mio_child" 2>/dev/null
  mio_clock
  mio_started=$mio_now
  while kill -0 "$mio_child" 2>/dev/null; do
    mio_clock
    if [ $((mio_now - mio_started)) -gt "$mio_timeout" ]; then mio_end_at_limit; fi
    mio_pause
  done
  wait "$mio_child"
  mio_exit=$?
  # Anew, since the command can reach the file too.
  mio_note 2>/dev/null
  exit "$mio_exit"
}

mio_end_at_limit() {
  mio_say "the command ran longer than ${mio_timeout}s and is ended"
  mio_signal_processes TERM
  mio_limit=$((mio_now + mio_kill_seconds))
  mio_find_processes
  while [ "$mio_processes" != ' ' ]; do
    mio_pause
    if [ "$mio_now" -gt "$mio_limit" ]; then mio_signal_processes KILL; fi
    mio_find_processes
  done
  mio_note ' timeout'
  exit 124
}

# The label comes from a Deployment's ReplicaSet, before the pod's first start: where it is not, no controller ever answers.
mio_refuse() {
  mio_say "no Deployment made this pod (it has no label pod-template-hash), so it is never let through. A Deployment's template in another workload, such as an Argo Rollout with workloadRef: take the migrate.io/ annotations off that Deployment, or the init container migrate-io out of the copy. A pod made by kubectl debug --copy-to: add --keep-init-containers=false"
  printf 'no pod of a Deployment: it has no label pod-template-hash' >"$mio_message"
  exit 78
}

# A record lets this pod through. Noted first: a later start may be shown an older grant, which is somebody else's by then.
mio_skip() {
  true >"$mio_state/skipped" || :
  mio_say "$1"
  exit 0
}

# The termination message of this start, for the controller.
mio_note() {
  printf 'run %s%s' "$mio_number" "${1-}" >"$mio_message"
}

mio_cannot_note() {
  mio_say "cannot note run $mio_number in $mio_state and $mio_message, so the migration is not started"
  exit 74
}

# Claims the number, then says so, then starts: in this order, a number can be used by one start only, and whoever sees
# this container's end knows which number it was.
mio_run() {
  { true >"$mio_state/run-$mio_number" && mio_note; } || mio_cannot_note
  mio_say "run $mio_number: starting the migration"
  if [ "$mio_timeout" != none ]; then mio_run_limited "$@"; fi
  # shellcheck disable=SC2086 # split
  trap - $mio_signals
  exec "$@"
}

mio_give_back() {
  printf 'stale %s%s' "$mio_number" "${2-}" >"$mio_message" || mio_cannot_note
  mio_say "run $mio_number $1; giving it back"
  exit 75
}

# A power loss takes what was noted and not on the disk yet. So in a boot of the node in which nothing is noted so far, a
# number that is there already counts as used: it is noted as such, then the boot. Any other was given out in this boot, in
# which no note is lost. Where the boot can't be told, each start is taken for the first one.
mio_look_first() {
  mio_looked=yes
  mio_read "$mio_boot_id"
  mio_boot=$mio_state/boot-$mio_line
  if [ "$mio_line" ] && [ -e "$mio_boot" ]; then return; fi
  if [ "$mio_number" -gt "$mio_claimed" ] 2>/dev/null; then
    { true >"$mio_state/run-$mio_number" && true >"$mio_boot"; } || mio_cannot_note
    mio_give_back 'was there before this start, and may have been used before its node started' ' unknown'
  fi
  true >"$mio_boot" || :
}

# shellcheck disable=SC2086 # split
trap 'exit 143' $mio_signals
mio_looked='' mio_whole='' mio_said='' mio_stale_since='' mio_stale_number='' mio_unlabelled_since=''
mio_clock
mio_started=$mio_now
mio_read_claimed
if [ -e "$mio_state/skipped" ]; then mio_skip 'let through before'; fi

while :; do
  mio_read "$mio_files/revision"
  mio_revision=$mio_line
  if [ "$mio_revision" ] && [ -s "$mio_files/completed.$mio_revision" ]; then
    mio_skip "revision $mio_revision is already migrated"
  fi
  mio_read "$mio_files/grant"
  mio_number=
  case $mio_line in
  skip) mio_skip "revision $mio_revision is migrated: told to skip" ;;
  'run '*)
    mio_number=${mio_line#run }
    case $mio_number in '' | 0* | *[!0-9]*) mio_number= ;; esac
    ;;
  esac
  if [ -z "$mio_looked" ]; then mio_look_first; fi
  # Without a revision it can't be told whether it is recorded. A number that waits for that is not one to give back.
  if [ -z "$mio_revision" ]; then mio_number=; fi
  # A file that is missing may still come, and one that is written just now be empty for a moment.
  if [ "$mio_revision" ] || ! [ -e "$mio_files/revision" ]; then
    mio_unlabelled_since=
  else
    mio_clock
    if [ -z "$mio_unlabelled_since" ]; then mio_unlabelled_since=$mio_now; fi
    if [ $((mio_now - mio_unlabelled_since)) -gt "$mio_unlabelled_seconds" ]; then mio_refuse; fi
  fi
  if [ "$mio_number" -gt "$mio_claimed" ] 2>/dev/null; then mio_run "$@"; fi
  if [ "$mio_number" != "$mio_stale_number" ]; then
    mio_stale_number=$mio_number
    mio_clock
    mio_stale_since=$mio_now
  elif [ "$mio_number" ] && [ $((mio_now - mio_stale_since)) -gt "$mio_stale_seconds" ]; then
    mio_give_back 'was used by an earlier start of this container'
  fi
  mio_explain
  mio_pause
done
