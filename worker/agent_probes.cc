#include "worker/agent_probes.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/hash.h"
#include "common/text.h"
#include "worker/agent/like_agent.h"
#include "worker/environment.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {
namespace {

AgentState ToState(ProbeVerdict::State state) {
  switch (state) {
    case ProbeVerdict::State::kReady:
      return AgentState::kReady;
    case ProbeVerdict::State::kMissing:
      return AgentState::kMissing;
    case ProbeVerdict::State::kNeedsSetup:
      return AgentState::kNeedsSetup;
  }
  return AgentState::kMissing;
}

ProbeVerdict CannotExecute(const ProbeOutput& output, absl::string_view agent) {
  ProbeVerdict verdict;
  verdict.message = absl::StrCat(
      "`", ShellQuote(output.executable), "` cannot be executed on this host (", output.refused,
      "), as one for another kind of processor; install it for this host, or name another as "
      "binary in [agents.",
      agent, "]");
  return verdict;
}

// poll(2) passes over a negative one.
bool IsReadable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

}  // namespace

AgentProbes::AgentProbes(const WorkerConfig& config, const std::vector<const Agent*>& agents,
                         Run run)
    : config_(config), agents_(agents), run_(std::move(run)) {
  for (const auto& [name, settings] : config.agents) {
    const Agent* const model = settings.like.empty() ? nullptr : AgentOf(settings.like);
    if (model == nullptr) continue;
    likes_.push_back(std::make_unique<LikeAgent>(name, *model));
  }
  for (const auto& like : likes_) agents_.push_back(like.get());
}

AgentProbes::~AgentProbes() = default;

const Agent* AgentProbes::AgentOf(absl::string_view name) const {
  for (const Agent* agent : agents_) {
    if (agent->name() == name) return agent;
  }
  return nullptr;
}

ProbeVerdict AgentProbes::Probe(const Agent& agent, int cancel) {
  const AgentConfig& config = config_.agent(std::string(agent.name()));
  ProbeSettings settings;
  settings.binary = config.binary;
  // By this what a CLI leaves behind is known, though its parent is gone.
  const std::string mark = absl::StrCat(config_.data_dir, "/probe/", RandomHex(8));
  settings.env = Flatten({BaseEnvironment(config_.path), {{"HANDOFF_ATTEMPT_DIR", mark}}});
  settings.own_env = Flatten({config.env});
  settings.cancel = cancel;
  const std::optional<ProbeOutput> output = run_(agent.Probe(), settings);
  const absl::Status ended = EndLeftovers(ShimStarted{}, mark);
  if (!ended.ok()) SPDLOG_ERROR("{}: {}", mark, std::string(ended.message()));
  ProbeVerdict verdict = output && !output->refused.empty() ? CannotExecute(*output, agent.name())
                                                            : agent.JudgeProbe(output);
  if (IsReadable(cancel)) return verdict;  // it may have been cut short
  Found found;
  found.executable = output ? output->executable : "";
  found.offer = {std::string(agent.name()), ToState(verdict.state), verdict.version,
                 verdict.account,           verdict.message,        absl::Now(),
                 config.max_parallel};
  const std::string name(agent.name());
  const bool unanswered = output && output->timed_out;
  if (unanswered) SPDLOG_WARN("{}", verdict.message);
  MutexLock lock(mutex_);
  if (unanswered) {
    unanswered_.insert(name);
    const auto before = found_.find(name);
    const bool ready = before != found_.end() && before->second.offer.state == AgentState::kReady;
    if (ready) return verdict;
  } else {
    unanswered_.erase(name);
  }
  found_[name] = std::move(found);
  return verdict;
}

void AgentProbes::ProbeAll(int cancel) {
  for (const Agent* agent : agents_) Probe(*agent, cancel);
}

bool AgentProbes::AnyUnanswered() const {
  MutexLock lock(mutex_);
  return !unanswered_.empty();
}

void AgentProbes::ProbeUnanswered(int cancel) {
  std::set<std::string> names;
  {
    MutexLock lock(mutex_);
    names = unanswered_;
  }
  for (const std::string& name : names) Probe(*AgentOf(name), cancel);
}

ProbeResult AgentProbes::ProbeForHold(const std::string& key, int cancel) {
  ProbeResult result;
  result.key = key;
  result.message = absl::StrCat("this worker knows nothing of ", key);
  for (const Agent* agent : agents_) {
    const std::string name(agent->name());
    const auto before = Find(name);
    const bool meant = key == absl::StrCat("agent:", name) ||
                       (before && !before->offer.account.empty() &&
                        key == absl::StrCat("account:", name, "/", before->offer.account));
    if (!meant) continue;
    const ProbeVerdict now = Probe(*agent, cancel);
    result.ok = now.state == ProbeVerdict::State::kReady;
    result.message = now.message;
    if (!result.ok) return result;
  }
  return result;
}

std::vector<AgentOffer> AgentProbes::Offers() const {
  std::vector<AgentOffer> offers;
  MutexLock lock(mutex_);
  for (const Agent* agent : agents_) {
    const auto found = found_.find(std::string(agent->name()));
    if (found != found_.end()) offers.push_back(found->second.offer);
  }
  return offers;
}

std::optional<AgentProbes::Found> AgentProbes::Find(const std::string& agent) const {
  MutexLock lock(mutex_);
  const auto found = found_.find(agent);
  if (found == found_.end()) return std::nullopt;
  return found->second;
}

}  // namespace handoff::worker
