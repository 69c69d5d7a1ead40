// The audit log for readers, and whether it is whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/core/audit.h"

namespace handoff {

// Sees committed rows only. Thread-safe.
class AuditReader {
 public:
  virtual ~AuditReader() = default;
  // At most `limit` entries after this number, oldest first.
  virtual absl::StatusOr<std::vector<core::AuditEntry>> Audit(uint64_t after, int limit) = 0;
  // The last one that the coordinator wrote, as it noted it beside the log.
  virtual absl::StatusOr<core::AuditHead> Head() = 0;
};

struct AuditVerdict {
  uint64_t entries = 0;  // that follow each other from the first on
  core::AuditHead head;  // to keep elsewhere, for the next time
  uint64_t wrong = 0;    // the first that is not as it was written; 0: all are
  std::string finding;   // what is wrong, a sentence
};

// Looks at every entry. Finds one that was edited, removed, moved or added, and what was cut off at
// the end. Whoever may write to the database can write the whole log anew with all its hashes, and
// the head with it: that is found only with `known`, a head of an earlier verdict that was kept
// elsewhere.
absl::StatusOr<AuditVerdict> VerifyAudit(AuditReader& reader,
                                         const std::optional<core::AuditHead>& known = {});

}  // namespace handoff
