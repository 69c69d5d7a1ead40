#!/usr/bin/env bash
# Proves the adapters `claude`, `codex`, `opencode` and `copilot` against the real programs, with a pool of the built binaries
# and a scripted model on loopback. By hand, not a part of ctest: it installs the programs with npm into
# build/real-agents (about 1.5 GB), and then runs in a network namespace that has loopback only.
#
#   tests/real_agents/run.sh [claude|codex|opencode|copilot]...      needs node, npm, git, unshare and ip
#
# BIN=DIR              the programs of the pool; build/release/bin unless given, else build/dev/bin
# CLAUDE_VERSION=V     other versions than the pinned ones
# CODEX_VERSION=V, OPENCODE_VERSION=V, COPILOT_VERSION=V
# KEEP=1               leaves the pool's data in build/real-agents/run
set -euo pipefail
cd "$(dirname "$0")/../.."

CLAUDE_VERSION=${CLAUDE_VERSION:-2.1.332}
CODEX_VERSION=${CODEX_VERSION:-0.171.0}
OPENCODE_VERSION=${OPENCODE_VERSION:-1.18.33}
COPILOT_VERSION=${COPILOT_VERSION:-1.0.102}
if [[ -z ${BIN:-} ]]; then
  BIN=build/release/bin
  [[ -x $BIN/handoff ]] || BIN=build/dev/bin
fi
if [[ ! -x $BIN/handoff ]]; then
  echo "run.sh: there is no $BIN/handoff; build it first, or set BIN" >&2
  exit 2
fi

home=$PWD/build/real-agents
mkdir -p "$home"
packages="@anthropic-ai/claude-code@$CLAUDE_VERSION @openai/codex@$CODEX_VERSION"
packages+=" opencode-ai@$OPENCODE_VERSION @github/copilot@$COPILOT_VERSION"
if [[ $(cat "$home/installed" 2>/dev/null) != "$packages" ]]; then
  rm -f "$home/installed"
  # shellcheck disable=SC2086
  npm install --prefix "$home" --no-audit --no-fund $packages
  echo "$packages" >"$home/installed"
fi

bin=$(realpath "$BIN")
# Not below /tmp: codex refuses to work with a home there.
rm -rf "$home/run"
mkdir "$home/run"
# shellcheck disable=SC2016
unshare --map-root-user --net -- sh -c 'ip link set lo up && exec "$@"' -- \
  node tests/real_agents/checks.mjs "$home" "$bin" "$@" && status=0 || status=$?
if [[ -n ${KEEP:-} || $status != 0 ]]; then
  echo "run.sh: the pool's data and logs are in build/real-agents/run" >&2
else
  rm -rf "$home/run"
fi
exit "$status"
