#include "worker/attempt_table.h"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "common/regular_file.h"
#include "common/status.h"
#include "handoff/v1/pool.pb.h"
#include "worker/attempt_dir.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {

AttemptTable::AttemptTable(const Surroundings& around, std::function<void(bool urgent)> changed)
    : around_(around), changed_(std::move(changed)) {}

AttemptRunner::Watchers AttemptTable::Watchers() {
  return {changed_, [this] { changed_(deferred_); }};
}

void AttemptTable::Adopt(const AttemptKey& key, uint64_t epoch) {
  runners_[key] = std::make_unique<AttemptRunner>(around_, key, epoch, Watchers());
}

absl::Status AttemptTable::TakeOverDirectory(const AttemptKey& key) {
  const AttemptDir dir(around_.data.attempts(), key);
  const auto text = dir.ReadDesired();
  // A disk that fails refuses the start; what an agent did to its file does not.
  const bool spoilt = IsSpoilt(text.status()) || absl::IsNotFound(text.status());
  if (!text.ok() && !spoilt) return text.status();
  v1::DesiredAttempt desired;
  if (text.ok() && desired.ParseFromString(*text) && desired.has_spec()) {
    Adopt(key, desired.epoch());
    return absl::OkStatus();
  }
  // Damaged, spoilt, or of a newer version: nobody knows what to do with what runs, and nobody may
  // find out later that something did.
  SPDLOG_ERROR("{}: what was to be done cannot be read; what runs of it is ended", key.ToString());
  const absl::Status ended = EndLeftovers(ReadShimStarted(dir.path()), dir.path());
  if (absl::IsDeadlineExceeded(ended)) return ended;
  if (!ended.ok()) SPDLOG_ERROR("{}: {}", key.ToString(), std::string(ended.message()));
  return absl::OkStatus();
}

absl::Status AttemptTable::TakeOver() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const auto keys, LiveAttempts(around_.data.attempts()));
  std::set<std::string> kept;
  for (const AttemptKey& key : keys) {
    RETURN_IF_ERROR(TakeOverDirectory(key));
    // Of one that is ended its checks are strays.
    if (runners_.contains(key)) kept.insert(AttemptDir(around_.data.attempts(), key).path());
  }
  // What an agent removed is not listed, and the coordinator will give it to another worker.
  RETURN_IF_ERROR(EndStrays(around_.data.attempts(), kept));
  for (const auto& [name, value] : around_.journal.Entries()) {
    v1::ReportRequest record;
    if (!record.ParseFromString(value)) continue;
    const AttemptKey key{record.handoff_id(), record.number()};
    if (AttemptDir(around_.data.attempts(), key).ended()) {
      around_.journal.Remove(name);
    } else if (runners_.count(key) == 0) {
      Adopt(key, record.epoch());
    }
  }
  return absl::OkStatus();
}

void AttemptTable::Apply(const Actions& actions) {
  deferred_ = !actions.deferred.empty();
  MutexLock lock(mutex_);
  const auto find = [&](const AttemptKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto it = runners_.find(key);
    return it == runners_.end() ? nullptr : it->second.get();
  };
  for (const DesiredAttempt& desired : actions.start) {
    runners_[desired.key] = std::make_unique<AttemptRunner>(around_, desired, Watchers());
  }
  for (const Renewal& renewal : actions.renew) {
    if (AttemptRunner* runner = find(renewal.key)) runner->Renew(renewal.deadline);
  }
  for (const StopOrder& stop : actions.stop) {
    if (AttemptRunner* runner = find(stop.key)) runner->Stop(stop);
  }
  for (const AttemptKey& key : actions.forget) {
    if (AttemptRunner* runner = find(key)) runner->Forget();
  }
}

void AttemptTable::Wake() {
  MutexLock lock(mutex_);
  for (const auto& [key, runner] : runners_) runner->Wake();
}

Holding AttemptTable::Held() {
  Holding holding;
  MutexLock lock(mutex_);
  for (auto it = runners_.begin(); it != runners_.end();) {
    if (it->second->over()) {
      it = runners_.erase(it);
    } else {
      holding[it->first] = it->second->held();
      ++it;
    }
  }
  return holding;
}

std::vector<AttemptStatus> AttemptTable::Statuses() const {
  std::vector<AttemptStatus> statuses;
  MutexLock lock(mutex_);
  for (const auto& [key, runner] : runners_) {
    if (!runner->over()) statuses.push_back(runner->Status());
  }
  return statuses;
}

bool AttemptTable::IfIdle(const std::string& handoff_id, const std::function<void()>& action) {
  MutexLock lock(mutex_);
  const auto it = runners_.lower_bound({handoff_id, 0});
  if (it != runners_.end() && it->first.handoff_id == handoff_id) return false;
  action();
  return true;
}

void AttemptTable::Leave() {
  std::map<AttemptKey, std::unique_ptr<AttemptRunner>> runners;
  {
    MutexLock lock(mutex_);
    runners.swap(runners_);
  }
  for (const auto& [key, runner] : runners) runner->Leave();
}

}  // namespace handoff::worker
