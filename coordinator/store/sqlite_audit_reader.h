// The AuditReader on a connection of its own, so that a walk over the whole log keeps nobody's list
// waiting. Opened after the store, which makes the file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "coordinator/store/audit_reader.h"
#include "coordinator/store/sqlite.h"

namespace handoff {

class SqliteAuditReader final : public AuditReader {
 public:
  static constexpr int kMaxPage = 1000;  // a larger limit means this one

  static absl::StatusOr<std::unique_ptr<SqliteAuditReader>> Open(const std::string& path);

  absl::StatusOr<std::vector<core::AuditEntry>> Audit(uint64_t after, int limit) override;
  absl::StatusOr<core::AuditHead> Head() override;

 private:
  explicit SqliteAuditReader(Database db) : db_(std::move(db)) {}

  Mutex mutex_;
  Database db_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
