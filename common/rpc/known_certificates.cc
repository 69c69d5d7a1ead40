#include "common/rpc/known_certificates.h"

#include <utility>

#include "common/status.h"

namespace handoff {

absl::StatusOr<std::shared_ptr<const CertificateFacts>> KnownCertificates::Read(
    absl::string_view pem) {
  {
    MutexLock lock(mutex_);
    if (const auto known = facts_.find(pem); known != facts_.end()) return known->second;
  }
  ASSIGN_OR_RETURN(CertificateFacts read, ReadCertificate(pem));
  auto facts = std::make_shared<const CertificateFacts>(std::move(read));
  MutexLock lock(mutex_);
  if (facts_.size() >= most_) facts_.clear();
  facts_.emplace(std::string(pem), facts);
  return facts;
}

size_t KnownCertificates::size() const {
  MutexLock lock(mutex_);
  return facts_.size();
}

}  // namespace handoff
