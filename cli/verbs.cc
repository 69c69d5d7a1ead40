#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/verb.h"

namespace handoff {
namespace {

std::vector<Verb> HandoffVerbs() {
  return {
      {"submit", "", "hand a task over; prints its id",
       "  handoff submit \"Make the benchmark pass on ARM\"\n"
       "  handoff submit --file task.md --timeout 2h --require os=linux --wait\n"
       "  handoff submit --agent command -- make -j8 test\n"
       "  git diff | handoff submit -\n",
       true, true, DefineSubmit},
      {"list", "ls", "mine, live or from the last day; what needs me first",
       "  handoff list\n  handoff list --all --status failed --limit 20\n"
       "  handoff list --json | jq -r 'select(.status==\"RUNNING\").id'\n",
       true, false, DefineList},
      {"show", "status", "one handoff: verdict, progress, files, what to do next",
       "  handoff show benchmark\n  handoff show --md -\n", true, false, DefineShow},
      {"logs", "", "an attempt's log, readable or raw; -f follows it",
       "  handoff logs -f -\n  handoff logs benchmark --attempt 1 --raw | sha256sum\n", true, false,
       DefineLogs},
      {"why", "", "why it waits, failed, is silent, or is not tried again",
       "  handoff why benchmark\n", true, false, DefineWhy},
      {"wait", "", "until they end; the exit status says how",
       "  handoff wait benchmark --timeout 30m\n  handoff wait $(cat ids)\n", true, false,
       DefineWait, Ids::kLive},
      {"cancel", "", "end it with its whole process tree",
       "  handoff cancel benchmark\n"
       "\nHere ID must be in no other id, not even of an ended handoff, or be the full id.\n",
       true, false, DefineCancel, Ids::kLive},
      {"resume", "", "go on with another attempt",
       "  handoff resume benchmark\n  handoff resume - --on build-7 --fresh-session\n"
       "  handoff resume benchmark --from-attempt 1 --check \"make test\"\n"
       "\nHere ID must be in no other id, not even of an ended handoff, or be the full id.\n",
       true, false, DefineResume, Ids::kEnded},
      {"send", "", "tell its agent something more, or answer what it asks",
       "  handoff send benchmark \"Keep the public API as it is\"\n"
       "  handoff send - --now --file more.md\n  handoff send benchmark --drop 2\n"
       "\nHere ID must be in no other id, not even of an ended handoff, or be the full id.\n",
       true, false, DefineSend, Ids::kLive},
      {"diff", "", "what it changed, as a patch",
       "  handoff diff benchmark | less\n  handoff diff - --stat\n"
       "  handoff diff benchmark --base > work.patch\n",
       false, false, DefineDiff},
      {"fetch", "", "its work as branch handoff/ID of your repository; touches no file",
       "  handoff fetch benchmark\n  git checkout $(handoff fetch -)\n"
       "  handoff fetch benchmark --attempt 1 --as first-try\n",
       true, false, DefineFetch},
      {"delete", "", "take what has ended out of the lists; --purge: remove it for good",
       "  handoff delete benchmark\n  handoff list --all --deleted\n"
       "  handoff delete 20261120-benchmark --purge\n"
       "\nHere ID must be in no other id, not even of an ended handoff, or be the full id, as it "
       "must\nbe for one that was deleted.\n",
       true, false, DefineDelete, Ids::kEnded},
  };
}

// To go on by hand, and back.
std::vector<Verb> TakeoverVerbs() {
  return {
      {"takeover", "", "go on with it yourself: a work tree, the prompt, nothing runs meanwhile",
       "  handoff takeover benchmark\n  handoff takeover - --stop --open\n"
       "  handoff takeover benchmark --here > prompt.md\n  handoff takeover benchmark --on-host\n"
       "\nstdout is the Headed Takeover Prompt alone, or with --on-host the ssh command.\n"
       "Here ID must be in no other id, not even of an ended handoff, or be the full id.\n",
       true, false, DefineTakeover},
      {"return", "", "give it back to its agent with what you changed, or end it",
       "  handoff return benchmark \"The API is settled; write the tests\"\n"
       "  handoff return - --done --wait\n  handoff return benchmark --unchanged\n"
       "\nHere ID must be in no other id, not even of an ended handoff, or be the full id.\n",
       true, false, DefineReturn, Ids::kTaken},
  };
}

// About handoff.md, for those who write into it.
std::vector<Verb> DocumentVerbs() {
  return {
      {"summary", "", "what another agent made of an attempt's log, or the facts",
       "  handoff summary -\n  handoff summary benchmark --refresh\n"
       "  handoff summary benchmark --attempt 1 --json | jq -r .markdown\n",
       true, false, DefineSummary},
      {"edit", "", "write into its handoff.md: the next attempt is started with your words",
       "  handoff edit benchmark\n  handoff edit - --file mine.md\n"
       "\nA section that you change is yours, and stays as you left it through every attempt; "
       "emptied, it\nis written by handoff again. Your Resume Prompt is the next attempt's prompt. "
       "Metadata, Commands,\nLogs and Facts are nobody's to change.\n",
       true, false, DefineEdit},
      {"sync", "", "its handoff.md and logs in .cursor/agent-handoffs/ID; sends what you changed",
       "  handoff sync benchmark\n  handoff sync - --watch\n"
       "  handoff sync benchmark --dir ~/notes\n"
       "\nWhat you write into that handoff.md goes to the coordinator as with 'handoff edit'. When "
       "somebody\nelse changed the same section meanwhile, your file stays as it is and theirs "
       "lies beside it as\nhandoff.md.theirs (exit status 6).\n",
       false, false, DefineSync},
      {"import", "", "a handoff.md that was kept by hand becomes a handoff, in your hands",
       "  handoff import .cursor/agent-handoffs/20260407-fix-benchmark\n"
       "\nTask and model are those of the file; its repository is the one around you, as with "
       "'handoff submit'.\nIts sections are yours, above all the Resume Prompt. Its logs "
       "(attempt-N.log) come along, and its session\nis not gone on with: it is of another host. "
       "'handoff return ID --unchanged' has an agent go on with it.\n",
       true, false, DefineImport},
  };
}

std::vector<Verb> PoolVerbs() {
  return {
      {"worker list", "workers", "the build hosts and what they can run", "  handoff worker list\n",
       true, false, DefineWorkerList},
      {"worker show", "", "one build host", "  handoff worker show build-7\n", true, false,
       DefineWorkerShow},
      {"worker drain", "", "give a build host nothing new",
       "  handoff worker drain build-7 --reason \"new disk\"\n", true, false, DefineWorkerDrain},
      {"worker undrain", "", "use it again", "  handoff worker undrain build-7\n", true, false,
       DefineWorkerUndrain},
      {"worker remove", "", "forget a build host that is gone", "  handoff worker remove build-7\n",
       true, false, DefineWorkerRemove},
      {"worker invite", "", "a line that makes a host one of the pool's build hosts",
       "  handoff worker invite\n  handoff worker invite --shared --label gpu=yes --count 3\n"
       "  handoff worker invite | ssh build-7 handoff-worker join --data-dir handoff-worker\n",
       true, false, DefineWorkerInvite},
      {"worker revoke", "", "cut a build host off at once; it needs a new invitation",
       "  handoff worker revoke build-7 --reason \"disk was stolen\"\n", true, false,
       DefineWorkerRevoke},
      {"events", "", "what happened in the pool; -f follows", "  handoff events -f\n", true, false,
       DefineEvents},
      {"doctor", "", "check address, coordinator, workers, and a submit from here",
       "  handoff doctor --worker build-7 --repo .\n  handoff doctor --worker build-7 --turn\n",
       true, false, DefineDoctor},
      {"dev", "", "a whole pool on this machine, for trying and for one person",
       "  handoff dev --workers 2 --slots 4\n", false, false, DefineDev},
      {"mcp", "", "the tools of an agent around you: a Model Context Protocol server on stdio",
       "  handoff mcp\n  claude mcp add handoff -- handoff mcp\n"
       "\nFor other agents: command \"handoff\", arguments [\"mcp\"], or [\"mcp\", \"--repo\", "
       "DIR] where\nthey start it elsewhere.\n",
       false, false, DefineMcp},
      {"completion", "", "completion for bash, zsh or fish",
       "  handoff completion bash > ~/.local/share/bash-completion/completions/handoff\n", false,
       false, DefineCompletion},
      {"man", "", "the manual page of a verb, or all of them into a directory",
       "  handoff man submit | man -l -\n  handoff man --dir ~/.local/share/man\n", false, false,
       DefineMan},
  };
}

// Who may come in.
std::vector<Verb> IdentityVerbs() {
  return {
      {"login", "", "into a pool with a line of its admin, or a line for another machine of yours",
       "  handoff login\n  handoff login --device laptop < line\n  handoff login --link\n"
       "  handoff login --socket /run/handoff/login.sock\n"
       "\nThe line is read from a prompt or standard input, never from the command line, which "
       "others can\nread.\n",
       true, false, DefineLogin},
      {"logout", "", "remove the credential from this machine, and have it revoked",
       "  handoff logout\n", true, false, DefineLogout},
      {"user add", "", "somebody new; prints a line for them",
       "  handoff user add alice\n  handoff user add bob --role viewer --repo 'github.com/team/*'\n"
       "\nRoles: admin, operator (everybody's handoffs), member (their own; sees others'), "
       "viewer.\n",
       true, false, DefineUserAdd},
      {"user list", "users", "who may come in, from which machines", "  handoff user list\n", true,
       false, DefineUserList},
      {"user role", "", "another role, or other repositories",
       "  handoff user role bob member\n  handoff user role bob member --any-repo\n"
       "\nWhat they had made by the former role or repositories is revoked with it, for good: "
       "lines "
       "that nobody\nused yet, and tokens of pipelines, which stop. Their machines and build hosts "
       "stay.\n",
       true, false, DefineUserRole},
      {"user disable", "", "nothing they have is good until they are enabled again",
       "  handoff user disable bob\n"
       "\nLines that nobody used yet and tokens of pipelines, which they had made, are revoked "
       "with "
       "it, for\ngood: those pipelines stop.\n",
       true, false, DefineUserDisable},
      {"user enable", "", "after disable", "  handoff user enable bob\n", true, false,
       DefineUserEnable},
      {"user revoke", "", "cut somebody off at once, or one machine of theirs",
       "  handoff user revoke bob --reason \"left\"\n"
       "  handoff user revoke alice --device laptop\n",
       true, false, DefineUserRevoke},
      {"token create", "", "HANDOFF_TOKEN for a pipeline, shown once",
       "  handoff token create --role ci --repo 'github.com/team/app' --ttl 1d --name nightly\n",
       true, false, DefineTokenCreate},
      {"token list", "tokens", "lines and tokens that were given out", "  handoff token list\n",
       true, false, DefineTokenList},
      {"token revoke", "", "take one back", "  handoff token revoke 6tq2m9\n", true, false,
       DefineTokenRevoke},
      {"audit", "", "who did what to identities, and what was refused",
       "  handoff audit --limit 20\n  handoff audit --verify\n", true, false, DefineAudit},
  };
}

std::vector<Verb> AllVerbs() {
  std::vector<Verb> verbs = HandoffVerbs();
  for (const std::vector<Verb>& more :
       {TakeoverVerbs(), DocumentVerbs(), PoolVerbs(), IdentityVerbs()})
    verbs.insert(verbs.end(), more.begin(), more.end());
  return verbs;
}

}  // namespace

const std::vector<Verb>& Verbs() {
  static const auto* const verbs = new std::vector<Verb>(AllVerbs());
  return *verbs;
}

const Verb* FindVerb(absl::string_view name) {
  const auto found = std::find_if(Verbs().begin(), Verbs().end(), [&](const Verb& verb) {
    return verb.name == name || (!verb.alias.empty() && verb.alias == name);
  });
  return found == Verbs().end() ? nullptr : &*found;
}

bool IsVerbGroup(absl::string_view word) {
  return std::any_of(Verbs().begin(), Verbs().end(), [&](const Verb& verb) {
    return absl::StartsWith(verb.name, absl::StrCat(word, " "));
  });
}

VerbRun DefineVerb(const Verb& verb, CLI::App& app, std::string& coordinator, bool& json) {
  VerbRun run = verb.define(app);
  app.add_option("--coordinator", coordinator, "Address of the coordinator")
      ->type_name("HOST:PORT");
  if (verb.json) app.add_flag("--json", json, "Print protobuf JSON, one object a line");
  return run;
}

}  // namespace handoff
