#include "worker/caretaker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"

namespace handoff::worker {
namespace {

constexpr absl::Duration kProbeEvery = absl::Minutes(10);
// After a probe that gave no answer in time, twice as long after each further one.
constexpr absl::Duration kProbeAgainAfter = absl::Seconds(30);
constexpr absl::Duration kSweepEvery = absl::Hours(1);
// A request with more is refused.
constexpr size_t kMostResults = 256;

}  // namespace

Caretaker::Caretaker(Tools tools)
    : tools_(std::move(tools)),
      wall_then_(tools_.clock.Now()),
      boot_then_(tools_.clock.Boot()),
      next_probe_(boot_then_),
      retry_after_(kProbeAgainAfter) {}

Caretaker::~Caretaker() { Stop(); }

void Caretaker::Start() {
  thread_ = std::jthread([this] { Run(); });
}

void Caretaker::Stop() {
  stop_.Raise();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  woken_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Caretaker::AwaitFirstProbes() {
  MutexLock lock(mutex_);
  while (!probed_ && !stopping_) woken_.Wait(mutex_);
}

void Caretaker::EmptyTrashSoon() {
  {
    MutexLock lock(mutex_);
    trash_ = true;
  }
  woken_.NotifyAll();
}

void Caretaker::Ask(const std::vector<Probe>& probes) {
  {
    MutexLock lock(mutex_);
    for (const Probe& probe : probes) {
      const bool known = std::any_of(asked_.begin(), asked_.end(),
                                     [&](const Probe& p) { return p.key == probe.key; });
      if (!known) asked_.push_back(probe);
    }
  }
  woken_.NotifyAll();
}

std::vector<ProbeResult> Caretaker::Results() const {
  std::vector<ProbeResult> results;
  MutexLock lock(mutex_);
  for (const auto& [key, result] : results_) {
    if (results.size() < kMostResults) results.push_back(result);
  }
  return results;
}

void Caretaker::Delivered(const std::vector<ProbeResult>& results) {
  bool more = false;
  {
    MutexLock lock(mutex_);
    for (const ProbeResult& result : results) {
      const auto it = results_.find(result.key);
      if (it != results_.end() && it->second == result) results_.erase(it);
    }
    more = !results_.empty();
  }
  if (more) tools_.changed(false);
}

// The files have the wall clock's times, and somebody may set that ahead by weeks: nothing is older
// than by the time that really passed.
absl::Time Caretaker::SweepTime() const {
  return std::min(tools_.clock.Now(), wall_then_ + (tools_.clock.Boot() - boot_then_));
}

void Caretaker::ProbeAgents() {
  if (tools_.clock.Boot() >= next_probe_) {
    tools_.probes.ProbeAll(stop_.fd());
    next_probe_ = tools_.clock.Boot() + kProbeEvery;
  } else {
    tools_.probes.ProbeUnanswered(stop_.fd());
  }
  if (tools_.probes.AnyUnanswered()) {
    next_retry_ = tools_.clock.Boot() + retry_after_;
    retry_after_ = std::min(2 * retry_after_, kProbeEvery);
  } else {
    next_retry_ = next_probe_;
    retry_after_ = kProbeAgainAfter;
  }
  {
    MutexLock lock(mutex_);
    probed_ = true;
  }
  woken_.NotifyAll();
  tools_.changed(false);
}

ProbeResult Caretaker::Answer(const Probe& probe) {
  if (!absl::StartsWith(probe.key, "repo:"))
    return tools_.probes.ProbeForHold(probe.key, stop_.fd());
  if (auto full = tools_.disk_faults.StillFull(probe.key)) {
    return {probe.key, false, *std::move(full)};
  }
  if (probe.url.empty()) return {probe.key, true, ""};  // all of it is in the pack
  const absl::Status status = tools_.repo.Probe({probe.url, tools_.config.repo}, stop_.fd());
  return {probe.key, status.ok(), std::string(status.message())};
}

void Caretaker::Run() {
  ProbeAgents();
  BootTime next_sweep = tools_.clock.Boot();
  // Of the trash. One at a time: it takes long, and whoever asks or stops waits for no more than
  // it.
  std::vector<std::string> doomed;
  while (true) {
    std::optional<Probe> probe;
    bool trash;
    {
      MutexLock lock(mutex_);
      const BootTime next = std::min({next_probe_, next_retry_, next_sweep});
      if (asked_.empty() && !stopping_ && !trash_ && doomed.empty())
        woken_.WaitFor(mutex_, next - tools_.clock.Boot());
      if (stopping_) return;
      if (!asked_.empty()) probe = asked_.front();
      trash = std::exchange(trash_, false);
    }
    if (trash) {
      doomed = ListTrash(tools_.data);
    } else if (!doomed.empty()) {
      RemoveFromTrash(tools_.data, doomed.back());
      doomed.pop_back();
    }
    if (probe) {
      ProbeResult result = Answer(*probe);
      {
        MutexLock lock(mutex_);
        asked_.pop_front();
        results_[probe->key] = std::move(result);
      }
      tools_.changed(true);
    }
    if (tools_.clock.Boot() >= next_sweep) {
      const int removed =
          Sweep(tools_.data, SweepTime(), tools_.config.keep_workspaces, tools_.if_idle);
      if (removed > 0) SPDLOG_INFO("removed the workspaces of {} ended handoffs", removed);
      next_sweep = tools_.clock.Boot() + kSweepEvery;
      doomed = ListTrash(tools_.data);  // also of a daemon that was ended meanwhile
    }
    if (tools_.clock.Boot() >= std::min(next_probe_, next_retry_)) ProbeAgents();
  }
}

}  // namespace handoff::worker
