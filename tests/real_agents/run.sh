#!/usr/bin/env bash
# Proves the adapters of the agents that npm has against the real programs, with a pool of the built
# binaries and a scripted model on loopback. By hand, not a part of ctest: it installs the programs with
# npm into build/real-agents (some 2 GB), and then runs in a network namespace that has loopback only.
#
#   tests/real_agents/run.sh [claude|codex|gemini|opencode|copilot|qwen|mine|command]...
#
# needs node, npm, git, unshare and ip. `mine` is Claude Code under a name that the worker's configuration
# gives it with `like`; `command` needs no program of npm.
#
# BIN=DIR              the programs of the pool; build/release/bin unless given, else build/dev/bin
# CLAUDE_VERSION=V     other versions than the pinned ones, for each agent
# KEEP=1               leaves the pool's data, which is left where a check fails, too
set -euo pipefail
cd "$(dirname "$0")/../.."

# An entry a program. Qwen Code asks for Node 22, which comes from npm for it alone.
declare -A packages=(
  [claude]="@anthropic-ai/claude-code@${CLAUDE_VERSION:-2.1.332}"
  [codex]="@openai/codex@${CODEX_VERSION:-0.171.0}"
  [gemini]="@google/gemini-cli@${GEMINI_VERSION:-0.61.0}"
  [opencode]="opencode-ai@${OPENCODE_VERSION:-1.18.33}"
  [copilot]="@github/copilot@${COPILOT_VERSION:-1.0.102}"
  [qwen]="@qwen-code/qwen-code@${QWEN_VERSION:-0.24.4} node@22"
)
packages[mine]=${packages[claude]}
packages[command]=-
agents=("$@")
[[ $# -gt 0 ]] || agents=(claude codex gemini opencode copilot qwen mine command)

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
for agent in "${agents[@]}"; do
  wanted=${packages[$agent]:?"run.sh: there is no agent $agent"}
  [[ $wanted != - && $(cat "$home/installed-$agent" 2>/dev/null) != "$wanted" ]] || continue
  rm -f "$home/installed-$agent"
  # shellcheck disable=SC2086
  npm install --prefix "$home" --no-audit --no-fund $wanted
  echo "$wanted" >"$home/installed-$agent"
done

bin=$(realpath "$BIN")
# Not below /tmp: codex refuses to work with a home there.
run=$(mktemp -d "$home/run.XXX")
# shellcheck disable=SC2016
unshare --map-root-user --net -- sh -c 'ip link set lo up && exec "$@"' -- \
  node tests/real_agents/checks.mjs "$home" "$run" "$bin" "${agents[@]}" && status=0 || status=$?
if [[ -n ${KEEP:-} || $status != 0 ]]; then
  echo "run.sh: the pool's data and logs are in $run" >&2
else
  rm -rf "$run"
fi
exit "$status"
