// Facts of certificates that were read before. Each call is looked at twice with the certificate of
// its connection, and to read it from PEM costs more than all else of that.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/mutex.h"
#include "common/rpc/certificate.h"

namespace handoff {

// Thread-safe.
class KnownCertificates {
 public:
  // Some 2 KB each; enough for 10,000 workers with their renewals, and as many people. One more
  // than `most` forgets all: who is connected is soon known again.
  explicit KnownCertificates(size_t most = 32768) : most_(most) {}

  // As ReadCertificate, whose errors are not kept.
  absl::StatusOr<std::shared_ptr<const CertificateFacts>> Read(absl::string_view pem);
  size_t size() const;

 private:
  const size_t most_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const CertificateFacts>, std::less<>> facts_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
