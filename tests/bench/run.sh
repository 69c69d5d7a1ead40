#!/usr/bin/env bash
# Builds with optimisation and measures a whole pool, its parts and the machine in one run; prints markdown on stdout.
#
#   tests/bench/run.sh [NAME...]
#
#   rpc submit start true log memory counts          a whole pool
#   repo coordinator                                 single parts
#   handshakes submits costs flood nonsense          what identity costs, and what it holds off
#   door                                             gRPC's own front door beside ours
#
# All of them by default. HANDOFF_BENCH_SECONDS is of each measurement of the parts (3); a quiet machine gives steadier numbers
# with 10.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset bench >&2
cmake --build --preset bench >&2
bin=build/bench/bin
coordinator="$PWD/$bin/handoff-coordinator"
seconds="${HANDOFF_BENCH_SECONDS:-3}"
names=("$@")
wanted() { [ ${#names[@]} = 0 ] || printf '%s\n' "${names[@]}" | grep -qx "$1"; }
# Those of the given names that are asked for.
among() { for name in "$@"; do if wanted "$name"; then echo "$name"; fi; done; }
# Text that is no table.
verbatim() {
  printf '\n```\n'
  "$@"
  printf '```\n'
}

mapfile -t pool < <(among rpc submit start true log memory counts)
if [ ${#pool[@]} != 0 ]; then "$bin/handoff-bench" "${pool[@]}"; fi
if wanted repo; then "$bin/handoff_repo_bench" "$PWD/$bin/handoff-repo"; fi
if wanted coordinator; then verbatim "$bin/handoff_coordinator_bench" "$coordinator" "$seconds"; fi
if wanted submits; then
  echo
  "$bin/handoff_secured_bench" "$coordinator" "$seconds" submits
fi
mapfile -t secured < <(among handshakes costs flood nonsense)
if [ ${#secured[@]} != 0 ]; then verbatim "$bin/handoff_secured_bench" "$coordinator" "$seconds" "${secured[@]}"; fi
if wanted door; then
  verbatim "$bin/handoff_front_door_bench" flood
  verbatim "$bin/handoff_front_door_bench" cost "$seconds"
fi
