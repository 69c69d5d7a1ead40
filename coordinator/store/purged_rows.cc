#include "coordinator/store/purged_rows.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/store/column_text.h"
#include "coordinator/store/rows.h"

namespace handoff {

absl::StatusOr<PurgedRows> PurgedRows::Prepare(Database& db) {
  PurgedRows rows;
  for (const char* table :
       {"handoffs", "specs", "attempts", "messages", "edits", "objects_needed"}) {
    ASSIGN_OR_RETURN(Statement drop,
                     db.Prepare(absl::StrCat("DELETE FROM ", table, " WHERE seq=?")));
    rows.by_seq_.push_back(std::move(drop));
  }
  const std::pair<Statement*, const char*> all[] = {
      // The second condition lets SQLite see that the partial index fits.
      {&rows.blank_events_,
       "UPDATE events SET message='' WHERE handoff_id=? AND handoff_id<>'' AND message<>''"},
      {&rows.put_, "INSERT INTO purged(id,at,actor,workers) VALUES(?,?,?,?)"},
      {&rows.has_, "SELECT 1 FROM purged WHERE id=?"},
      {&rows.workers_of_, "SELECT workers FROM purged WHERE id=?"},
      {&rows.set_workers_, "UPDATE purged SET workers=? WHERE id=?"},
      {&rows.all_, "SELECT id,workers FROM purged WHERE workers<>''"},
  };
  for (const auto& [statement, sql] : all) {
    ASSIGN_OR_RETURN(*statement, db.Prepare(sql));
  }
  return rows;
}

absl::Status PurgedRows::Purge(const core::PurgeHandoff& change) {
  for (Statement& drop : by_seq_) {
    drop.Bind(1, static_cast<int64_t>(change.seq));
    RETURN_IF_ERROR(drop.Run());
  }
  blank_events_.BindText(1, change.id);
  RETURN_IF_ERROR(blank_events_.Run());
  put_.BindText(1, change.id);
  put_.Bind(2, rows::ToNanos(change.at));
  put_.BindText(3, change.actor);
  put_.BindCopy(4, rows::Encode(change.workers));
  return put_.Run();
}

absl::Status PurgedRows::Drop(const core::PurgedFrom& change) {
  workers_of_.BindText(1, change.id);
  ASSIGN_OR_RETURN(const bool found, workers_of_.Step());
  std::set<std::string> workers;
  if (found) rows::Decode(workers_of_.Bytes(0), workers);
  workers_of_.Reset();
  workers.erase(change.worker_uuid);
  set_workers_.BindCopy(1, rows::Encode(workers));
  set_workers_.BindText(2, change.id);
  return set_workers_.Run();
}

absl::StatusOr<bool> PurgedRows::Has(const std::string& id) {
  has_.BindText(1, id);
  const absl::StatusOr<bool> found = has_.Step();
  has_.Reset();
  return found;
}

absl::Status PurgedRows::Load(core::State& state) {
  while (true) {
    const absl::StatusOr<bool> row = all_.Step();
    if (!row.ok() || !*row) {
      all_.Reset();
      return row.status();
    }
    std::set<std::string> workers;
    rows::Decode(all_.Bytes(1), workers);
    state.NotePurged(all_.Bytes(0), workers);
  }
}

}  // namespace handoff
