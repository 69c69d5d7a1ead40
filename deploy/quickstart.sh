#!/usr/bin/env bash
# From nothing to a finished handoff: installs packages, builds, starts a coordinator and two workers on loopback, hands over a
# real task on this repository, follows its log, and prints the list and handoff.md. Safe to run again.
#
#   deploy/quickstart.sh [--keep]
#
#   --keep   leave the pool running and say how to use and stop it
set -euo pipefail
# shellcheck source=deploy/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

keep=
for argument in "$@"; do
  case $argument in
    --keep) keep=1 ;;
    -h | --help)
      sed -n '2,7s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) die "unknown argument '$argument'; see deploy/quickstart.sh --help" ;;
  esac
done

cd "$root"
pool=$root/build/quickstart
bin=$root/build/release/bin
handoff=$bin/handoff

# By its command line, since pids are used again.
running() {
  [ -s "$pool/$1.pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$pool/$1.pid")/cmdline" | grep -qF -- "--data-dir $pool/$1 "
}

# start NAME READY-WORDS COMMAND...: in the background, until it has said that it is ready.
start() {
  local name=$1 words=$2
  shift 2
  : >"$pool/$name.out"  # what an earlier run said must not count
  setsid "$@" </dev/null >"$pool/$name.out" 2>"$pool/$name.log" &
  echo $! >"$pool/$name.pid"
  for _ in $(seq 300); do
    grep -q "$words" "$pool/$name.out" && return
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  tail -5 "$pool/$name.log" >&2
  die "$name did not start; its log is $pool/$name.log"
}

stop_pool() {
  local name
  for name in worker-b worker-a coordinator; do
    running "$name" && kill "$(cat "$pool/$name.pid")" 2>/dev/null
    while running "$name"; do sleep 0.1; done
    rm -f "$pool/$name.pid"
  done
}

start_pool() {
  mkdir -p "$pool"
  if running coordinator && running worker-a && running worker-b; then
    say "Using the pool that is running already"
  else
    stop_pool
    started=1
    say "Starting a coordinator and two workers on loopback"
    start coordinator 'ready on' "$bin/handoff-coordinator" --data-dir "$pool/coordinator" --listen 127.0.0.1:0
    local address
    address=$(sed -n 's/.*ready on //p' "$pool/coordinator.out")
    echo "$address" >"$pool/address"
    use_pool
    for name in worker-a worker-b; do
      # What an earlier run made has joined already; the coordinator may have another port now.
      [ -e "$pool/$name/identity" ] || join_pool $name
      start $name 'ready as' "$bin/handoff-worker" --data-dir "$pool/$name" --slots 2
    done
  fi
  use_pool
}

# As the admin that the coordinator made at its first start.
use_pool() {
  HANDOFF_COORDINATOR=$(cat "$pool/address")
  HANDOFF_CREDENTIALS=$pool/coordinator/identity/local
  export HANDOFF_COORDINATOR HANDOFF_CREDENTIALS
}

# join_pool NAME: a line of the pool makes a data directory into a worker. It is a secret, so it goes by a pipe.
join_pool() {
  "$handoff" worker invite | "$bin/handoff-worker" join --data-dir "$pool/$1" --name "$1" >"$pool/$1.joined" || {
    cat "$pool/$1.joined" >&2
    die "$1 did not join"
  }
}

# The agent: Cursor when a worker has it and is logged in, otherwise a script.
submit_task() {
  if "$handoff" worker show worker-a --json | tr -d ' \n' | grep -q '"name":"cursor","state":"READY"'; then
    say "Handing over to cursor (installed and logged in here)"
    "$handoff" submit --agent cursor \
      "Read README.md and docs/architecture.md. Write REVIEW.md with three concrete improvements to the documentation, each with file and reason. Commit it."
  else
    say "Handing over to --agent command (no logged-in Cursor CLI here): the task builds one program of this repository and commits a report"
    "$handoff" submit --agent command --from head '# Build one program and report it
set -e
cmake --preset release
cmake --build --preset release --target handoff-shim
{
  echo "# Build report"
  echo
  echo "Commit $(git rev-parse --short HEAD), built on $(uname -srm)."
  ls -l build/release/bin/handoff-shim | awk "{print \"handoff-shim: \" \$5 \" bytes\"}"
} >BUILD_REPORT.md
git add BUILD_REPORT.md
git commit -q -m "Report a build"
git log --oneline -2'
  fi
}

install_packages
use_ccache
say "Building (release)"
cmake --preset release >/dev/null
cmake --build --preset release

started=
trap '[ -z "$started" ] || [ -n "$keep" ] || stop_pool' EXIT
start_pool
id=$(submit_task)
say "handoff logs -f $id"
"$handoff" logs -f "$id"
status=0
"$handoff" wait "$id" || status=$?
say "handoff list"
"$handoff" list
say "handoff show --md $id"
"$handoff" show --md "$id"

if [ -n "$keep" ]; then
  say "The pool is still running. To use it:"
  cat <<TEXT
  export HANDOFF_COORDINATOR=$HANDOFF_COORDINATOR
  export HANDOFF_CREDENTIALS=$HANDOFF_CREDENTIALS
  export PATH=$bin:\$PATH
  handoff list
  handoff submit --agent command -- make -j2 test
To stop it (nothing is lost; the next quickstart goes on with the same data):
  kill $(cat "$pool/worker-a.pid" "$pool/worker-b.pid" "$pool/coordinator.pid" | tr '\n' ' ')
TEXT
fi
exit $status
