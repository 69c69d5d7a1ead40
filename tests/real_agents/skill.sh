#!/usr/bin/env bash
# Has the real claude follow deploy/skill/SKILL.md: a scripted model on loopback asks for the skill, and
# then gives the commands that stand in the text of it that reached the model. By hand, not a part of
# ctest. Installs the program with npm into build/real-agents unless run.sh did, and then runs in a
# network namespace that has loopback only.
#
#   tests/real_agents/skill.sh      needs node, npm, git, unshare and ip
#
# BIN=DIR              the programs of the pool; build/release/bin unless given, else build/dev/bin
# CLAUDE_VERSION=V     another version than the pinned one
# KEEP=1               leaves the pool's data in build/real-agents/skill
set -euo pipefail
cd "$(dirname "$0")/../.."

CLAUDE_VERSION=${CLAUDE_VERSION:-2.1.332}
if [[ -z ${BIN:-} ]]; then
  BIN=build/release/bin
  [[ -x $BIN/handoff ]] || BIN=build/dev/bin
fi
if [[ ! -x $BIN/handoff ]]; then
  echo "skill.sh: there is no $BIN/handoff; build it first, or set BIN" >&2
  exit 2
fi

home=$PWD/build/real-agents
mkdir -p "$home"
if [[ $("$home/node_modules/.bin/claude" --version 2>/dev/null) != "$CLAUDE_VERSION "* ]]; then
  npm install --prefix "$home" --no-audit --no-fund "@anthropic-ai/claude-code@$CLAUDE_VERSION"
fi

bin=$(realpath "$BIN")
rm -rf "$home/skill"
mkdir "$home/skill"
# shellcheck disable=SC2016
unshare --map-root-user --net -- sh -c 'ip link set lo up && exec "$@"' -- \
  node tests/real_agents/skill.mjs "$home" "$bin" deploy/skill && status=0 || status=$?
if [[ -n ${KEEP:-} || $status != 0 ]]; then
  echo "skill.sh: the pool's data and logs are in build/real-agents/skill" >&2
else
  rm -rf "$home/skill"
fi
exit "$status"
