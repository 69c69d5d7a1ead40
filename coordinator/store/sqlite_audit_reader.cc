#include "coordinator/store/sqlite_audit_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/store/identity_rows.h"

namespace handoff {

absl::StatusOr<std::unique_ptr<SqliteAuditReader>> SqliteAuditReader::Open(
    const std::string& path) {
  ASSIGN_OR_RETURN(Database db, Database::Open(path, Database::Access::kReader));
  return std::unique_ptr<SqliteAuditReader>(new SqliteAuditReader(std::move(db)));
}

absl::StatusOr<std::vector<core::AuditEntry>> SqliteAuditReader::Audit(uint64_t after, int limit) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(Statement rows,
                   db_.Prepare(absl::StrCat("SELECT ", rows::AuditColumns(),
                                            " FROM audit WHERE seq>? ORDER BY seq LIMIT ?")));
  rows.Bind(1, static_cast<int64_t>(after));
  rows.Bind(2, std::clamp(limit, 1, kMaxPage));
  std::vector<core::AuditEntry> entries;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return entries;
    entries.push_back(rows::ReadAudit(rows));
  }
}

absl::StatusOr<core::AuditHead> SqliteAuditReader::Head() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(Statement meta, db_.Prepare("SELECT audit_seq,audit_hash FROM meta"));
  ASSIGN_OR_RETURN(const bool found, meta.Step());
  if (!found) return absl::DataLossError("the database has no meta record");
  return core::AuditHead{static_cast<uint64_t>(meta.Int(0)), meta.Bytes(1)};
}

}  // namespace handoff
