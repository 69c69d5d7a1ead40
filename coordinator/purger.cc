#include "coordinator/purger.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

constexpr int kAtOnce = 100;  // purged in one batch: others are served between two
constexpr const char* kActor = "retention";

// The answers of the engine to one batch.
struct Answers {
  Mutex mutex;
  CondVar changed;
  size_t missing ABSL_GUARDED_BY(mutex) = 0;
  std::vector<std::string> purged ABSL_GUARDED_BY(mutex);
};

}  // namespace

Purger::Purger(PurgerOptions options, Engine& engine, Reader& reader, LogStore& logs,
               const Clock& clock)
    : options_(options),
      engine_(engine),
      reader_(reader),
      logs_(logs),
      clock_(clock),
      wall_then_(clock.Now()),
      boot_then_(clock.Boot()),
      thread_([this] { Run(); }) {}

Purger::~Purger() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    woken_.NotifyAll();
  }
  thread_.join();
}

void Purger::RemoveLogs(std::string id, Done done) {
  Later([this, id = std::move(id), done = std::move(done)]() mutable { done(logs_.Remove(id)); });
}

void Purger::Later(absl::AnyInvocable<void()> work) {
  MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  woken_.NotifyAll();
}

bool Purger::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

void Purger::Run() {
  RemoveLeftLogs();
  BootTime next = clock_.Boot();
  while (true) {
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_ && clock_.Boot() < next)
        woken_.WaitFor(mutex_, next - clock_.Boot());
      if (queue_.empty() && stopping_) return;
    }
    DoAsked();
    if (clock_.Boot() < next) continue;
    PurgeOld();
    next = clock_.Boot() + kEvery;
  }
}

void Purger::DoAsked() {
  std::deque<absl::AnyInvocable<void()>> asked;
  {
    MutexLock lock(mutex_);
    asked.swap(queue_);
  }
  for (auto& work : asked) work();
}

void Purger::RemoveLeftLogs() {
  const auto ids = logs_.Ids();
  if (!ids.ok()) SPDLOG_WARN("looking for logs: {}", std::string(ids.status().message()));
  if (!ids.ok()) return;
  for (const std::string& id : *ids) {
    if (stopping()) return;
    if (!reader_.WasPurged(id, Eyes()).value_or(false)) continue;
    const absl::Status removed = logs_.Remove(id);
    if (!removed.ok()) SPDLOG_WARN("logs of {}: {}", id, std::string(removed.message()));
  }
}

int Purger::PurgeOld() {
  if (options_.ended == absl::InfiniteDuration()) return 0;
  // The records have the wall clock's times, and somebody may set that ahead by months: nothing is
  // older than by the time that really passed.
  const absl::Time now = std::min(clock_.Now(), wall_then_ + (clock_.Boot() - boot_then_));
  int count = 0;
  while (!stopping()) {
    const auto ids = reader_.EndedBefore(now - options_.ended, kAtOnce);
    if (!ids.ok()) SPDLOG_WARN("retention: {}", std::string(ids.status().message()));
    if (!ids.ok() || ids->empty()) break;
    const std::vector<std::string> purged = Purge(*ids, now - options_.ended);
    if (purged.empty()) break;  // the same ones would come again
    for (const std::string& id : purged) {
      const absl::Status removed = logs_.Remove(id);
      if (!removed.ok()) SPDLOG_WARN("logs of {}: {}", id, std::string(removed.message()));
    }
    count += static_cast<int>(purged.size());
    DoAsked();  // years may be due, and somebody waits for theirs
  }
  if (count > 0) SPDLOG_INFO("retention: purged {} handoffs", count);
  return count;
}

std::vector<std::string> Purger::Purge(const std::vector<std::string>& ids,
                                       absl::Time ended_before) {
  const auto answers = std::make_shared<Answers>();
  {
    MutexLock lock(answers->mutex);
    answers->missing = ids.size();
  }
  for (const std::string& id : ids) {
    engine_.Post(core::Delete{id, /*purge=*/true, kActor, ended_before},
                 [answers](const absl::StatusOr<core::Delete::Reply>& reply) {
                   MutexLock lock(answers->mutex);
                   if (reply.ok()) answers->purged.push_back(reply->id);
                   --answers->missing;
                   answers->changed.NotifyAll();
                 });
  }
  MutexLock lock(answers->mutex);
  while (answers->missing > 0) answers->changed.Wait(answers->mutex);
  return answers->purged;
}

}  // namespace handoff
