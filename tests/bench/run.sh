#!/usr/bin/env bash
# Builds with optimisation and measures a whole pool and the machine in one run; prints markdown on stdout.
#
#   tests/bench/run.sh [NAME...]     rpc submit start true log memory counts repo; all of them by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset bench >&2
cmake --build --preset bench >&2
wanted() { [ ${#names[@]} = 0 ] || printf '%s\n' "${names[@]}" | grep -qx "$1"; }
names=("$@")
if ! [ "$*" = repo ]; then build/bench/bin/handoff-bench "$@"; fi
if wanted repo; then build/bench/bin/handoff_repo_bench "$PWD/build/bench/bin/handoff-repo"; fi
