#!/usr/bin/env bash
# Builds with optimisation and measures a whole pool and the machine in one run; prints markdown on stdout.
#
#   tests/bench/run.sh [NAME...]     rpc submit start true log memory; all of them by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset bench >&2
cmake --build --preset bench >&2
exec build/bench/bin/handoff-bench "$@"
