#include "coordinator/service/followers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

constexpr int kEventsAtOnce = 1000;

}  // namespace

Followers::Followers(Reader& reader) : reader_(reader) {
  if (const auto last = reader_.LastRevision(); last.ok()) told_ = committed_ = *last;
  thread_ = std::thread([this] { Run(); });
}

Followers::~Followers() { Stop(); }

void Followers::Stop() {
  Close();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void Followers::Committed(uint64_t revision) {
  MutexLock lock(mutex_);
  if (revision <= committed_) return;
  committed_ = revision;
  // Without followers nobody needs to be told, and the thread need not wake for each commit.
  if (!by_handoff_.empty()) changed_.NotifyOne();
}

uint64_t Followers::Add(const std::string& handoff_id, std::weak_ptr<Wakeable> stream) {
  MutexLock lock(mutex_);
  const uint64_t token = next_token_++;
  entries_[token] = {handoff_id, std::move(stream), false};
  if (handoff_id != kNoEvents) by_handoff_.emplace(handoff_id, token);
  return token;
}

void Followers::Remove(uint64_t token) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(token);
  if (entry == entries_.end()) return;
  const auto [begin, end] = by_handoff_.equal_range(entry->second.handoff_id);
  for (auto it = begin; it != end; ++it) {
    if (it->second != token) continue;
    by_handoff_.erase(it);
    break;
  }
  entries_.erase(entry);
}

void Followers::Notify(uint64_t token) {
  MutexLock lock(mutex_);
  if (const auto it = entries_.find(token); it != entries_.end()) QueueLocked(token, it->second);
}

bool Followers::closed() const {
  MutexLock lock(mutex_);
  return closed_;
}

void Followers::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  for (auto& [token, entry] : entries_) QueueLocked(token, entry);
}

void Followers::QueueLocked(uint64_t token, Entry& entry) {
  if (entry.queued) return;
  entry.queued = true;
  queue_.push_back(token);
  changed_.NotifyOne();
}

void Followers::Run() {
  while (true) {
    uint64_t revision = 0;
    std::vector<std::shared_ptr<Wakeable>> woken;
    {
      MutexLock lock(mutex_);
      const auto idle = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return queue_.empty() && !stopping_ && (by_handoff_.empty() || committed_ == told_);
      };
      while (idle()) changed_.Wait(mutex_);
      if (stopping_) return;
      for (const uint64_t token : std::exchange(queue_, {})) {
        const auto it = entries_.find(token);
        if (it == entries_.end()) continue;
        it->second.queued = false;
        if (auto stream = it->second.stream.lock()) woken.push_back(std::move(stream));
      }
      revision = committed_;
    }
    for (const auto& stream : woken) stream->Wake();
    if (revision != told_) WakeConcerned(revision);
  }
}

void Followers::WakeConcerned(uint64_t revision) {
  const auto events = reader_.Events(told_, "", kEventsAtOnce, {});
  MutexLock lock(mutex_);
  if (!events.ok() || events->size() == kEventsAtOnce) {
    // Too many to look at one by one, or unreadable: everybody looks for himself.
    if (!events.ok()) SPDLOG_ERROR("reading events: {}", std::string(events.status().message()));
    for (auto& [token, entry] : entries_) QueueLocked(token, entry);
    told_ = revision;
    return;
  }
  for (const core::Event& event : *events) {
    for (const std::string& key : {std::string(), event.handoff_id}) {
      const auto [begin, end] = by_handoff_.equal_range(key);
      for (auto it = begin; it != end; ++it) QueueLocked(it->second, entries_[it->second]);
    }
    told_ = event.revision;
  }
  told_ = std::max(told_, revision);
}

}  // namespace handoff
