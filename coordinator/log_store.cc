#include "coordinator/log_store.h"

#include <list>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/log_file.h"

namespace handoff {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<uint64_t>)>;
using Key = LogKey;

absl::Status CheckKey(const Key& key) {
  RETURN_IF_ERROR(ValidateId(key.id));  // it becomes the name of a directory
  if (key.attempt >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("there is no attempt ", key.attempt));
}

absl::Status Removed(const Key& key) {
  return absl::NotFoundError(absl::StrCat("the logs of ", key.id, " were removed"));
}

// Ids of removed handoffs that are kept in mind: who appends to the first of so many is long gone.
constexpr size_t kMostRemoved = 1 << 16;

struct Waiting {
  uint64_t end = 0;  // answered when this much is durable
  Done done;
};

struct Log {
  std::shared_ptr<LogFile> file;
  std::vector<Waiting> waiting;
  bool queued = false;    // for the sync thread
  bool finished = false;  // closed as soon as nobody uses it
  bool removed = false;   // the file has no name any more
  int users = 0;          // calls that have `file` in hand: it stays the only one for its path
  std::list<Key>::iterator age;
};

struct Follower {
  Key key;
  absl::AnyInvocable<void()> wake;
  bool gone = false;  // by its own wake
};

}  // namespace

struct LogStore::Impl {
  // A log in use: it stays open until this is destroyed. False when there is no such log.
  class Use {
   public:
    Use() = default;
    Use(Impl* impl, Key key, Log* log) : impl_(impl), key_(std::move(key)), log_(log) {}
    Use(Use&& other) noexcept
        : impl_(other.impl_),
          key_(std::move(other.key_)),
          log_(std::exchange(other.log_, nullptr)) {}
    ~Use() {
      if (log_ != nullptr) impl_->Release(key_);
    }
    explicit operator bool() const { return log_ != nullptr; }
    LogFile& file() const { return *log_->file; }

   private:
    Impl* impl_ = nullptr;
    Key key_;
    Log* log_ = nullptr;
  };

  Impl(std::string d, LogStoreOptions o) : directory(std::move(d)), options(std::move(o)) {}

  std::string PathOf(const Key& key) const {
    return absl::StrCat(directory, "/", key.id, "/attempt-", key.attempt,
                        key.checks ? ".checks.log" : ".log");
  }

  absl::StatusOr<Use> Open(const Key& key, bool create);
  Use OpenAlready(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Release(const Key& key);
  bool DropIfIdle(std::map<Key, Log>::iterator log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void CloseOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  bool IsOpening(const std::string& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Forget(const std::string& id);

  absl::Status HasRoom() const;
  absl::StatusOr<uint64_t> Append(const Key& key, uint64_t offset, absl::string_view data,
                                  Done& done);

  void Run();
  void SyncOne(const Key& key);
  void Wake(const Key& key);
  void Erase(std::map<uint64_t, Follower>::iterator follower) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  const std::string directory;
  const LogStoreOptions options;
  std::thread thread;

  Mutex mutex;
  CondVar work, woken, opened;
  // Opened by one caller each, which may take as long as a sync; the others for that log wait.
  std::set<Key> opening ABSL_GUARDED_BY(mutex);
  std::map<Key, absl::Status> suspect ABSL_GUARDED_BY(mutex);  // their first sync failed
  std::set<std::string> removed ABSL_GUARDED_BY(mutex);
  std::map<Key, Log> logs ABSL_GUARDED_BY(mutex);
  std::list<Key> by_age ABSL_GUARDED_BY(mutex);  // used last comes first
  std::vector<Key> queue ABSL_GUARDED_BY(mutex);
  std::vector<std::pair<absl::Status, Done>> failed ABSL_GUARDED_BY(mutex);
  std::map<uint64_t, Follower> followers ABSL_GUARDED_BY(mutex);
  std::set<std::pair<Key, uint64_t>> followers_of ABSL_GUARDED_BY(mutex);
  uint64_t last_token ABSL_GUARDED_BY(mutex) = 0;
  uint64_t waking ABSL_GUARDED_BY(mutex) = 0;  // the token whose wake runs now
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

// ---- Which files are open ----

LogStore::Impl::Use LogStore::Impl::OpenAlready(const Key& key) {
  const auto found = logs.find(key);
  if (found == logs.end()) return {};
  by_age.splice(by_age.begin(), by_age, found->second.age);
  ++found->second.users;
  return Use(this, key, &found->second);
}

absl::StatusOr<LogStore::Impl::Use> LogStore::Impl::Open(const Key& key, bool create) {
  RETURN_IF_ERROR(CheckKey(key));
  {
    MutexLock lock(mutex);
    while (opening.count(key) > 0) opened.Wait(mutex);
    if (removed.count(key.id) > 0) {
      if (create) return Removed(key);
      return Use();
    }
    if (Use use = OpenAlready(key)) return use;
    const auto known = suspect.find(key);
    if (known != suspect.end()) return known->second;
    opening.insert(key);
  }
  absl::StatusOr<std::shared_ptr<LogFile>> file = LogFile::Open(PathOf(key), create, options.sync);

  MutexLock lock(mutex);
  opening.erase(key);
  opened.NotifyAll();
  if (!create && absl::IsNotFound(file.status())) return Use();
  // A second sync after a failed one may say that all is well when it is not.
  if (absl::IsDataLoss(file.status())) suspect.emplace(key, file.status());
  RETURN_IF_ERROR(file.status());
  by_age.push_front(key);
  Log& log = logs[key];
  log.file = *std::move(file);
  log.users = 1;
  log.age = by_age.begin();
  CloseOldest();
  return Use(this, key, &log);
}

void LogStore::Impl::Release(const Key& key) {
  MutexLock lock(mutex);
  const auto log = logs.find(key);
  --log->second.users;
  if (log->second.finished) DropIfIdle(log);
}

bool LogStore::Impl::DropIfIdle(std::map<Key, Log>::iterator log) {
  const Log& l = log->second;
  // A broken file must not be opened again as if all of it were durable.
  if (l.users > 0 || l.queued || (l.file->broken() && !l.removed)) return false;
  by_age.erase(l.age);
  logs.erase(log);
  return true;
}

void LogStore::Impl::CloseOldest() {
  for (size_t tries = by_age.size(); logs.size() > options.max_open && tries > 0; --tries) {
    const auto oldest = logs.find(by_age.back());
    // One in use is not old, whenever that use began.
    if (!DropIfIdle(oldest)) by_age.splice(by_age.begin(), by_age, oldest->second.age);
  }
}

bool LogStore::Impl::IsOpening(const std::string& id) const {
  const auto first = opening.lower_bound({id, 0});
  return first != opening.end() && first->id == id;
}

void LogStore::Impl::Forget(const std::string& id) {
  MutexLock lock(mutex);
  if (removed.size() == kMostRemoved) removed.clear();
  removed.insert(id);
  while (IsOpening(id)) opened.Wait(mutex);
  for (auto log = logs.lower_bound({id, 0}); log != logs.end() && log->first.id == id;) {
    log->second.finished = log->second.removed = true;
    const auto next = std::next(log);
    DropIfIdle(log);
    log = next;
  }
  std::erase_if(suspect, [&id](const auto& entry) { return entry.first.id == id; });
}

// ---- Appending and syncing ----

absl::Status LogStore::Impl::HasRoom() const {
  ASSIGN_OR_RETURN(const uint64_t free, FreeDiskBytes(directory));
  if (free >= options.reserve_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the coordinator's disk has ", HumanBytes(free),
      " left, below its reserve; the log was not stored. It is taken again when there is space"));
}

// Takes `done` on success.
absl::StatusOr<uint64_t> LogStore::Impl::Append(const Key& key, uint64_t offset,
                                                absl::string_view data, Done& done) {
  RETURN_IF_ERROR(HasRoom());
  ASSIGN_OR_RETURN(const Use use, Open(key, /*create=*/true));
  ASSIGN_OR_RETURN(const uint64_t end, use.file().Append(offset, data));
  MutexLock lock(mutex);
  Log& log = logs.find(key)->second;
  log.waiting.push_back({end, std::move(done)});
  if (!std::exchange(log.queued, true)) queue.push_back(key);
  work.NotifyOne();
  return end;
}

void LogStore::Impl::Run() {
  while (true) {
    std::vector<Key> keys;
    std::vector<std::pair<absl::Status, Done>> refusals;
    {
      MutexLock lock(mutex);
      while (queue.empty() && failed.empty() && !stopping) work.Wait(mutex);
      if (queue.empty() && failed.empty()) return;
      keys.swap(queue);
      refusals.swap(failed);
    }
    for (auto& [status, done] : refusals) done(status);
    for (const Key& key : keys) SyncOne(key);
  }
}

// What is appended from here on waits for the next round.
void LogStore::Impl::SyncOne(const Key& key) {
  const Use use = [&] {
    MutexLock lock(mutex);
    return OpenAlready(key);
  }();
  CHECK(use);
  std::vector<Waiting> waiting;
  bool gone;
  {
    MutexLock lock(mutex);
    Log& log = logs.find(key)->second;
    log.queued = false;
    gone = log.removed;
    waiting.swap(log.waiting);
  }
  if (gone) {
    for (Waiting& w : waiting) w.done(Removed(key));
    return;
  }
  const uint64_t before = use.file().durable();
  const absl::StatusOr<uint64_t> durable = use.file().Sync();
  for (Waiting& w : waiting) {
    if (durable.ok() && w.end > *durable) {
      w.done(absl::UnavailableError(
          absl::StrCat("a sync failed and the log was cut back; send again from ", *durable)));
    } else {
      w.done(durable);
    }
  }
  if (durable.ok() && *durable > before) Wake(key);
}

// ---- Followers ----

void LogStore::Impl::Wake(const Key& key) {
  std::vector<uint64_t> tokens;
  {
    MutexLock lock(mutex);
    for (auto at = followers_of.lower_bound({key, 0}); at != followers_of.end() && at->first == key;
         ++at) {
      tokens.push_back(at->second);
    }
  }
  for (const uint64_t token : tokens) {
    Follower* follower;
    {
      MutexLock lock(mutex);
      const auto found = followers.find(token);
      if (found == followers.end()) continue;
      follower = &found->second;
      waking = token;  // until then Unfollow waits, so the follower stays
    }
    follower->wake();
    MutexLock lock(mutex);
    waking = 0;
    if (follower->gone) Erase(followers.find(token));
    woken.NotifyAll();
  }
}

void LogStore::Impl::Erase(std::map<uint64_t, Follower>::iterator follower) {
  followers_of.erase({follower->second.key, follower->first});
  followers.erase(follower);
}

uint64_t LogStore::Follow(const LogKey& key, absl::AnyInvocable<void()> wake) {
  MutexLock lock(impl_->mutex);
  const uint64_t token = ++impl_->last_token;
  impl_->followers.emplace(token, Follower{key, std::move(wake)});
  impl_->followers_of.insert({key, token});
  return token;
}

void LogStore::Unfollow(uint64_t token) {
  MutexLock lock(impl_->mutex);
  const auto follower = impl_->followers.find(token);
  if (follower == impl_->followers.end()) return;
  if (impl_->waking == token && std::this_thread::get_id() == impl_->thread.get_id()) {
    follower->second.gone = true;  // by its own wake, which cannot wait for itself
    return;
  }
  while (impl_->waking == token) impl_->woken.Wait(impl_->mutex);
  impl_->Erase(follower);
}

// ---- The store ----

LogStore::LogStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<LogStore>> LogStore::Open(const std::string& directory,
                                                         LogStoreOptions options) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(directory, "/..")));
  if (!options.sync) options.sync = SyncData;
  auto impl = std::make_unique<Impl>(directory, std::move(options));
  impl->thread = std::thread([i = impl.get()] { i->Run(); });
  return std::unique_ptr<LogStore>(new LogStore(std::move(impl)));
}

LogStore::~LogStore() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->work.NotifyAll();
  }
  impl_->thread.join();
}

absl::StatusOr<uint64_t> LogStore::Size(const LogKey& key) {
  ASSIGN_OR_RETURN(const Impl::Use use, impl_->Open(key, /*create=*/false));
  return use ? use.file().durable() : 0;
}

void LogStore::Append(const LogKey& key, uint64_t offset, absl::string_view data, Done done) {
  absl::Status status = impl_->Append(key, offset, data, done).status();
  if (status.ok()) return;
  MutexLock lock(impl_->mutex);
  impl_->failed.emplace_back(std::move(status), std::move(done));
  impl_->work.NotifyOne();
}

absl::StatusOr<std::string> LogStore::Read(const LogKey& key, uint64_t offset, size_t max) {
  ASSIGN_OR_RETURN(const Impl::Use use, impl_->Open(key, /*create=*/false));
  return use ? use.file().Read(offset, max) : "";
}

absl::StatusOr<std::string> LogStore::Sha256Of(const LogKey& key) {
  ASSIGN_OR_RETURN(const Impl::Use use, impl_->Open(key, /*create=*/false));
  return use ? use.file().Sha256Hex() : Sha256Hex("");
}

absl::Status LogStore::Remove(const std::string& id) {
  RETURN_IF_ERROR(ValidateId(id));
  impl_->Forget(id);
  return RemoveTree(absl::StrCat(impl_->directory, "/", id));
}

absl::StatusOr<std::vector<std::string>> LogStore::Ids() const {
  return ListDirectory(impl_->directory);
}

void LogStore::Finish(const LogKey& key) {
  MutexLock lock(impl_->mutex);
  const auto log = impl_->logs.find(key);
  if (log == impl_->logs.end()) return;
  log->second.finished = true;
  impl_->DropIfIdle(log);
}

}  // namespace handoff
