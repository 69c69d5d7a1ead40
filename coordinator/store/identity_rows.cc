#include "coordinator/store/identity_rows.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "coordinator/store/columns.h"

namespace handoff {
namespace rows {
namespace {

template <typename V, typename U>
void Visit(V&& v, U& u, const core::User*) {
  v("name", u.name);
  v("role", u.role);
  v("repos", u.repos);
  v("created_at", u.created_at);
  v("created_by", u.created_by);
  v("disabled", u.disabled);
}

template <typename V, typename T>
void Visit(V&& v, T& t, const core::Token*) {
  v("id", t.id);
  v("secret_hash", t.secret_hash);
  v("purpose", t.purpose);
  v("user", t.user);
  v("repos", t.repos);
  v("expires_at", t.expires_at);
  v("created_at", t.created_at);
  v("created_by", t.created_by);
  v("used_at", t.used_at);
  v("line", t.line);
  v("revoked_at", t.revoked_at);
  v("labels", t.labels);
  v("owner", t.owner);
  v("shared", t.shared);
}

template <typename V, typename C>
void Visit(V&& v, C& c, const core::Credential*) {
  v("serial", c.serial);
  v("purpose", c.purpose);
  v("subject", c.subject);
  v("device", c.device);
  v("line", c.line);
  v("generation", c.generation);
  v("repos", c.repos);
  v("sponsor", c.sponsor);
  v("issued_at", c.issued_at);
  v("not_after", c.not_after);
  v("revoked_at", c.revoked_at);
}

template <typename V, typename E>
void Visit(V&& v, E& e, const core::AuditEntry*) {
  v("seq", e.seq);
  v("at", e.at);
  v("actor", e.actor);
  v("serial", e.serial);
  v("address", e.address);
  v("action", e.action);
  v("object", e.object);
  v("outcome", e.outcome);
  v("detail", e.detail);
  v("hash", e.hash);
}

template <typename Record>
std::vector<std::string> ColumnsOf() {
  Names names;
  const Record record{};
  Visit(names, record, static_cast<const Record*>(nullptr));
  return std::move(names.names);
}

template <typename Record>
void Bind(Statement& statement, const Record& record) {
  Visit(Binder(statement), record, &record);
}

template <typename Record>
Record Read(const Statement& row) {
  Record record;
  Visit(Taker(row), record, static_cast<const Record*>(nullptr));
  return record;
}

template <typename Record>
std::string Select(absl::string_view table) {
  return absl::StrCat("SELECT ", absl::StrJoin(ColumnsOf<Record>(), ","), " FROM ", table);
}

// Each row as a change.
template <typename Put, typename Record>
absl::Status ReadAll(Statement& select, core::Edit& edit) {
  while (true) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok() || !*row) {
      select.Reset();
      return row.status();
    }
    edit.changes.emplace_back(Put{Read<Record>(select)});
  }
}

}  // namespace

std::string AuditColumns() { return absl::StrJoin(ColumnsOf<core::AuditEntry>(), ","); }
core::AuditEntry ReadAudit(const Statement& row) { return Read<core::AuditEntry>(row); }

}  // namespace rows

absl::StatusOr<IdentityRows> IdentityRows::Prepare(Database& db) {
  IdentityRows r;
  const std::pair<Statement*, std::string> all[] = {
      {&r.put_user_, rows::Upsert("users", "name", rows::ColumnsOf<core::User>(), 1)},
      {&r.put_token_, rows::Upsert("tokens", "id", rows::ColumnsOf<core::Token>(), 1)},
      {&r.drop_token_, "DELETE FROM tokens WHERE id=?"},
      {&r.put_credential_,
       rows::Upsert("credentials", "serial", rows::ColumnsOf<core::Credential>(), 1)},
      {&r.drop_credential_, "DELETE FROM credentials WHERE serial=?"},
      {&r.add_audit_, rows::Insert("audit", rows::ColumnsOf<core::AuditEntry>())},
      {&r.set_audit_head_, "UPDATE meta SET audit_seq=?,audit_hash=?"},
      {&r.users_, rows::Select<core::User>("users")},
      {&r.tokens_, rows::Select<core::Token>("tokens")},
      {&r.credentials_, rows::Select<core::Credential>("credentials")},
      {&r.audit_head_,
       "SELECT max(audit_seq,(SELECT ifnull(max(seq),0) FROM audit)),audit_hash,restored_at "
       "FROM meta"},
  };
  for (const auto& [statement, sql] : all) {
    ASSIGN_OR_RETURN(*statement, db.Prepare(sql));
  }
  return r;
}

absl::Status IdentityRows::Write(const core::PutUser& change) {
  rows::Bind(put_user_, change.user);
  return put_user_.Run();
}

absl::Status IdentityRows::Write(const core::PutToken& change) {
  rows::Bind(put_token_, change.token);
  return put_token_.Run();
}

absl::Status IdentityRows::Write(const core::DropToken& change) {
  drop_token_.BindText(1, change.id);
  return drop_token_.Run();
}

absl::Status IdentityRows::Write(const core::PutCredential& change) {
  rows::Bind(put_credential_, change.credential);
  return put_credential_.Run();
}

absl::Status IdentityRows::Write(const core::DropCredential& change) {
  drop_credential_.BindText(1, change.serial);
  return drop_credential_.Run();
}

absl::Status IdentityRows::Write(const core::AddAudit& change) {
  rows::Bind(add_audit_, change.entry);
  RETURN_IF_ERROR(add_audit_.Run());
  set_audit_head_.Bind(1, static_cast<int64_t>(change.entry.seq));
  set_audit_head_.BindText(2, change.entry.hash);
  return set_audit_head_.Run();
}

absl::StatusOr<core::Edit> IdentityRows::Load() {
  core::Edit edit;
  RETURN_IF_ERROR((rows::ReadAll<core::PutUser, core::User>(users_, edit)));
  RETURN_IF_ERROR((rows::ReadAll<core::PutToken, core::Token>(tokens_, edit)));
  RETURN_IF_ERROR((rows::ReadAll<core::PutCredential, core::Credential>(credentials_, edit)));
  ASSIGN_OR_RETURN(const bool found, audit_head_.Step());
  if (found) {
    edit.changes.emplace_back(
        core::SetAuditHead{{static_cast<uint64_t>(audit_head_.Int(0)), audit_head_.Bytes(1)}});
    if (!audit_head_.IsNull(2))
      edit.changes.emplace_back(core::SetRestored{absl::FromUnixNanos(audit_head_.Int(2))});
  }
  audit_head_.Reset();
  return edit;
}

}  // namespace handoff
