// Wakes the streams that follow something. The engine and the log store only say that something
// changed and go on; the streams read and write on this thread until gRPC's own take over.
//
// Thread-safe. Bounded by the number of streams: a stream that was woken and has not run yet is not
// queued again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/mutex.h"
#include "coordinator/service/reactor.h"
#include "coordinator/store/reader.h"

namespace handoff {

class Followers {
 public:
  explicit Followers(Reader& reader);
  ~Followers();  // closes and stops

  // Events up to `revision` are durable. Called by the engine after each commit.
  void Committed(uint64_t revision);

  // A stream of which nothing is known but that it ends when the coordinator does.
  static constexpr char kNoEvents[] = "/none";
  // Until Remove(token), `stream` is woken for each event of the handoff (of any when empty), for
  // each Notify(token), and when this closes.
  uint64_t Add(const std::string& handoff_id, std::weak_ptr<Wakeable> stream);
  void Remove(uint64_t token);
  void Notify(uint64_t token);

  // Streams that see this end themselves.
  bool closed() const;
  void Close();
  // Ends the thread; nobody is woken any more.
  void Stop();

 private:
  struct Entry {
    std::string handoff_id;
    std::weak_ptr<Wakeable> stream;
    bool queued = false;
  };
  void Run();
  void WakeConcerned(uint64_t revision);
  void QueueLocked(uint64_t token, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Reader& reader_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::multimap<std::string, uint64_t> by_handoff_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_token_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t committed_ ABSL_GUARDED_BY(mutex_) = 0;  // known to be durable
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t told_ = 0;  // of the thread: events up to here woke their followers
  std::thread thread_;
};

}  // namespace handoff
