#!/usr/bin/env bash
# Installs the packages, builds, and runs every test. For a fresh Debian 12 or 13; safe to run again.
#
#   deploy/test.sh [WORKFLOW...]     default: dev. Others: gcc asan tsan release
set -euo pipefail
# shellcheck source=deploy/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case ${1:-} in
  -h | --help)
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
cd "$root"
install_packages tests
use_ccache
for workflow in "${@:-dev}"; do
  say "Workflow $workflow"
  started=$(date +%s)
  cmake --workflow --preset "$workflow"
  say "Workflow $workflow passed in $((($(date +%s) - started) / 60)) min $((($(date +%s) - started) % 60)) s"
done
