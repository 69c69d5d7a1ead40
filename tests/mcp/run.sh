#!/usr/bin/env bash
# Drives `handoff mcp` by the client of the reference SDK, from submit to return, against a pool of the
# built binaries. By hand, not a part of ctest: it installs the SDK with npm into build/mcp (about 30 MB),
# and then runs in a network namespace that has loopback only.
#
#   tests/mcp/run.sh      needs node, npm, git, unshare and ip
#
# BIN=DIR          the programs of the pool; build/release/bin unless given, else build/dev/bin
# SDK_VERSION=V    another version than the pinned one
# KEEP=1           leaves the pool's data in build/mcp/run
set -euo pipefail
cd "$(dirname "$0")/../.."

SDK_VERSION=${SDK_VERSION:-1.32.2}
if [[ -z ${BIN:-} ]]; then
  BIN=build/release/bin
  [[ -x $BIN/handoff ]] || BIN=build/dev/bin
fi
if [[ ! -x $BIN/handoff ]]; then
  echo "run.sh: there is no $BIN/handoff; build it first, or set BIN" >&2
  exit 2
fi

home=$PWD/build/mcp
mkdir -p "$home"
if [[ $(cat "$home/installed" 2>/dev/null) != "$SDK_VERSION" ]]; then
  rm -f "$home/installed"
  npm install --prefix "$home" --no-audit --no-fund "@modelcontextprotocol/sdk@$SDK_VERSION"
  echo "$SDK_VERSION" >"$home/installed"
fi

bin=$(realpath "$BIN")
rm -rf "$home/run"
mkdir "$home/run"
# shellcheck disable=SC2016
unshare --map-root-user --net -- sh -c 'ip link set lo up && exec "$@"' -- \
  node tests/mcp/checks.mjs "$home" "$bin" && status=0 || status=$?
if [[ -n ${KEEP:-} || $status != 0 ]]; then
  echo "run.sh: the pool's data and logs are in build/mcp/run" >&2
else
  rm -rf "$home/run"
fi
exit "$status"
