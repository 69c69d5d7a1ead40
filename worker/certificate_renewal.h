// Keeps this worker's certificate fresh: at half of its life the next one is asked for, with the
// same key. One that has expired (the host was off) is renewed with renewal.pem, which is good for
// nothing else. What is damaged on disk or refused changes nothing of what is in use; it is logged
// once, and told to the pool when the certificate runs out.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "worker/joining/joined_files.h"
#include "worker/rpc/identity_client.h"

namespace handoff::worker {

class CertificateRenewal {
 public:
  struct Tools {
    std::string directory;  // DATA/identity
    std::string worker_uuid;
    std::vector<std::string> coordinators;  // addresses, to be tried in turn
    const Clock& clock;
    IdentityClient& client;
    // Another certificate is in the directory: take it into use. On the renewal's thread.
    std::function<void()> renewed;
  };
  CertificateRenewal(Tools tools, uint64_t seed);
  ~CertificateRenewal();

  void Start();
  void Stop();
  // Does what is due, and says how long there is nothing to do unless the files change. Called by
  // the thread; by tests instead of it.
  absl::Duration Step();
  // The pool does not let this worker in with what it shows, although that is in its time: the next
  // one is asked for at once, and then as often as after any other refusal. Thread-safe.
  void NotLetIn();
  // Why this worker soon cannot work any more; empty while its certificate has enough time left.
  // Thread-safe.
  std::string problem() const;
  // Why the last try failed, however much time is left; empty: it did not. Thread-safe.
  std::string complaint() const;

 private:
  struct Due {
    absl::Duration wait;  // zero: now
    const Certificate* with = nullptr;
  };
  void Run();
  absl::StatusOr<Due> WhatIsDue(const Joined& joined) const;
  bool not_let_in() const;
  absl::Status Renew(const Joined& joined, const Certificate& with);
  absl::Status Keep(const Joined& joined, const IssuedPair& issued);
  absl::Duration Failed(const absl::Status& why);
  void Succeeded();

  const Tools tools_;
  std::stop_source stop_;
  // Of the thread.
  std::minstd_rand random_;
  int failures_ = 0;
  double jitter_ = 0;
  // Of the last certificate that was read and in time: what is in use, whatever the files are now.
  absl::Time in_use_until_ = absl::InfinitePast();
  absl::Duration life_;
  mutable Mutex mutex_;
  CondVar woken_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool not_let_in_ ABSL_GUARDED_BY(mutex_) = false;  // since the last renewal
  bool at_once_ ABSL_GUARDED_BY(mutex_) = false;
  BootTime renewed_at_ ABSL_GUARDED_BY(mutex_);  // 0: not by this daemon
  std::string problem_ ABSL_GUARDED_BY(mutex_);
  std::string complaint_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace handoff::worker
