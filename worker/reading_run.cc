#include "worker/reading_run.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {
namespace {

constexpr size_t kAnswerBytes = size_t{1} << 20;  // what RunProcess keeps

struct Listener {
  Reading& reading;

  void operator()(const AgentEvent::SessionStarted& e) { reading.model = e.model; }
  void operator()(const AgentEvent::Text& e) { reading.texts.push_back(e.text); }
  void operator()(const AgentEvent::Result& e) { reading.result = e; }
  void operator()(const AgentEvent::Retry& e) { reading.last_trouble = e.message; }
  void operator()(const AgentEvent::Step& e) {
    if (e.over) return;
    reading.result.reset();
    reading.last_trouble.clear();
  }
  void operator()(const AgentEvent::Usage& e) {
    // A session of its own: the whole of it is this run.
    const bool more = e.span == AgentEvent::Usage::Span::kDelta;
    const AgentEvent::Usage before = more ? reading.usage : AgentEvent::Usage();
    reading.usage.input = before.input + e.input;
    reading.usage.output = before.output + e.output;
    reading.usage.cache_read = before.cache_read + e.cache_read;
    reading.usage.cache_write = before.cache_write + e.cache_write;
    reading.usage.cost_usd = before.cost_usd + e.cost_usd;
  }
  template <typename Other>
  void operator()(const Other&) {}
};

// The whole pool reads what it says, and a CLI may quote the key that was refused.
void HideSecrets(const Environment& env, std::string& text) {
  for (const auto& [name, value] : env) {
    const bool secret = absl::StrContains(name, "KEY") || absl::StrContains(name, "TOKEN") ||
                        absl::StrContains(name, "SECRET") || absl::StrContains(name, "PASSWORD");
    if (secret && value.size() >= 8) absl::StrReplaceAll({{value, "(hidden)"}}, &text);
  }
}
void HideSecrets(const Environment& env, Reading& reading) {
  for (std::string& text : reading.texts) HideSecrets(env, text);
  if (reading.result) HideSecrets(env, reading.result->message);
  HideSecrets(env, reading.last_trouble);
  HideSecrets(env, reading.process.err);
}

absl::StatusOr<RunResult> RunIn(const Surroundings& around, const ReadingRun& run,
                                const AgentCommand& command, const Signal& interrupt) {
  SpawnOptions options;
  options.argv = command.argv;
  options.env = Flatten({BaseEnvironment(around.config.path),
                         {{"TMPDIR", run.dir + "/tmp"}},
                         run.env,
                         around.config.agent(run.agent).env,
                         command.env,  // last: it may be what keeps the agent from writing
                         {{"HANDOFF_ATTEMPT_DIR", run.dir}}});
  options.cwd = run.dir + "/work";
  auto result = RunProcess(std::move(options), run.prompt, run.limit, interrupt.fd());
  // What it started in sessions of their own has the directory in its environment.
  const absl::Status ended = EndLeftovers(ShimStarted{}, run.dir);
  if (!ended.ok()) SPDLOG_ERROR("{}: {}", run.dir, std::string(ended.message()));
  return result;
}

}  // namespace

absl::Status MakeReadingDir(const std::string& dir) {
  RETURN_IF_ERROR(RemoveTree(dir));
  RETURN_IF_ERROR(MakeDirectories(dir + "/work"));
  return MakeDirectories(dir + "/tmp");
}

absl::StatusOr<Reading> Read(const Surroundings& around, const Agent& agent, const ReadingRun& run,
                             const Signal& interrupt) {
  AgentRun asked;
  asked.executable = run.executable;
  asked.extra_args = around.config.agent(run.agent).extra_args;
  asked.model = run.model;
  asked.workspace = run.dir + "/work";
  const auto command = run.own_words ? agent.TurnCommand(asked) : agent.SummaryCommand(asked);
  if (!command) {
    return absl::FailedPreconditionError(
        absl::StrCat(run.agent, " has no mode in which it can only read."));
  }
  Reading reading;
  ASSIGN_OR_RETURN(reading.process, RunIn(around, run, *command, interrupt));
  const auto parser = agent.NewParser();
  for (const absl::string_view line : absl::StrSplit(reading.process.out, '\n')) {
    for (const AgentEvent& event : parser->ParseLine(line))
      std::visit(Listener{reading}, event.what);
  }
  HideSecrets(around.config.agent(run.agent).env, reading);
  return reading;
}

void EndEarlierReading(const std::string& dir) {
  if (!PathExists(dir)) return;
  const absl::Status ended = EndLeftovers(ShimStarted{}, dir);
  if (!ended.ok()) SPDLOG_ERROR("{}, of an earlier start: {}", dir, std::string(ended.message()));
  RemoveTree(dir).IgnoreError();
}

void FillUsage(const AgentEvent::Usage& usage, v1::Facts_Usage& out) {
  out.set_input_tokens(usage.input);
  out.set_output_tokens(usage.output);
  out.set_cache_read_tokens(usage.cache_read);
  out.set_cache_write_tokens(usage.cache_write);
  out.set_cost_usd(usage.cost_usd);
}

ProcessEnd EndOf(const RunResult& process) {
  ProcessEnd end;
  end.signal = process.status.signal;
  if (end.signal == 0) end.exit_code = process.status.code;
  return end;
}

bool WroteTooMuch(const RunResult& process) { return process.out.size() >= kAnswerBytes; }

}  // namespace handoff::worker
