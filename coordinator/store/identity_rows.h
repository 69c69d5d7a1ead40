// The rows of users, tokens, credentials and of the audit log. Owned by the SqliteStore.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/core/edit.h"
#include "coordinator/store/sqlite.h"

namespace handoff {

namespace rows {
// As in rows.h; for readers of the log.
std::string AuditColumns();
core::AuditEntry ReadAudit(const Statement& row);
}  // namespace rows

class IdentityRows {
 public:
  static absl::StatusOr<IdentityRows> Prepare(Database& db);

  // Within the transaction of a batch.
  absl::Status Write(const core::PutUser& change);
  absl::Status Write(const core::PutToken& change);
  absl::Status Write(const core::DropToken& change);
  absl::Status Write(const core::PutCredential& change);
  absl::Status Write(const core::DropCredential& change);
  absl::Status Write(const core::AddAudit& change);
  // The rest is volatile.
  template <typename Other>
  absl::Status Write(const Other&) {
    return absl::OkStatus();
  }

  // All of them, and the head of the log. After rows that were cut off or added by hand the log
  // goes on behind them, so that this stays to be found.
  absl::StatusOr<core::Edit> Load();

 private:
  Statement put_user_, put_token_, drop_token_, put_credential_, drop_credential_;
  Statement add_audit_, set_audit_head_;
  Statement users_, tokens_, credentials_, audit_head_;
};

}  // namespace handoff
