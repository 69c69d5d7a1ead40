#include "coordinator/store/sqlite_store.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/store/migrations.h"
#include "coordinator/store/rows.h"

namespace handoff {
namespace {

// A log that readers kept from starting over grows to this many times its usual size before a
// commit waits for them.
constexpr int kWholeCheckpointFactor = 8;

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& path,
                                                               SqliteStoreOptions options) {
  ASSIGN_OR_RETURN(Database db, Database::Open(path, Database::Access::kWriter));
  RETURN_IF_ERROR(Annotate(Migrate(db), path));
  if (options.max_pages > 0) {
    RETURN_IF_ERROR(db.Execute(absl::StrCat("PRAGMA max_page_count=", options.max_pages)));
  }
  ASSIGN_OR_RETURN(Statements statements, PrepareAll(db));
  ASSIGN_OR_RETURN(PurgedRows purged, PurgedRows::Prepare(db));
  ASSIGN_OR_RETURN(IdentityRows identity, IdentityRows::Prepare(db));
  // The names of the file and of its log: SQLite syncs them only in the process that makes them.
  RETURN_IF_ERROR(SyncDirectory(std::filesystem::absolute(path).parent_path()));
  return std::unique_ptr<SqliteStore>(new SqliteStore(
      path, options, std::move(db), std::move(statements), std::move(purged), std::move(identity)));
}

SqliteStore::SqliteStore(std::string path, SqliteStoreOptions options, Database db,
                         Statements statements, PurgedRows purged, IdentityRows identity)
    : path_(std::move(path)),
      options_(options),
      db_(std::move(db)),
      statements_(std::move(statements)),
      purged_(std::move(purged)),
      identity_(std::move(identity)) {}

absl::StatusOr<SqliteStore::Statements> SqliteStore::PrepareAll(Database& db) {
  const std::string select_handoff =
      absl::StrCat("SELECT ", rows::HandoffColumns(), " FROM handoffs WHERE ");
  Statements s;
  const std::pair<Statement*, std::string> all[] = {
      {&s.begin, "BEGIN IMMEDIATE"},
      {&s.commit, "COMMIT"},
      {&s.rollback, "ROLLBACK"},
      {&s.put_handoff, rows::UpsertHandoffSql()},
      {&s.put_spec,
       "INSERT INTO specs(seq,spec) VALUES(?,?) ON CONFLICT(seq) DO UPDATE SET spec=excluded.spec "
       "WHERE spec<>excluded.spec"},
      {&s.put_attempt, rows::UpsertAttemptSql()},
      {&s.put_worker, rows::UpsertWorkerSql()},
      {&s.drop_worker, "DELETE FROM workers WHERE uuid=?"},
      {&s.put_hold, rows::UpsertHoldSql()},
      {&s.drop_hold, "DELETE FROM holds WHERE worker_uuid=? AND key=?"},
      {&s.add_event, rows::InsertEventSql()},
      {&s.set_epoch_counter, "UPDATE meta SET epoch_counter=?"},
      {&s.set_term, "UPDATE meta SET term=?,incarnation=?"},
      {&s.handoff_by_id, select_handoff + "id=?"},
      {&s.handoff_by_key, select_handoff + "owner=? AND idempotency_key=? AND idempotency_key<>''"},
      {&s.waiting_by_dedupe_key,
       select_handoff + "dedupe_key=? AND dedupe_key<>'' AND rank=0 LIMIT 1"},
      {&s.spec, "SELECT spec FROM specs WHERE seq=?"},
      {&s.attempts, absl::StrCat("SELECT ", rows::AttemptColumns(/*with_parts=*/true),
                                 " FROM attempts WHERE seq=? ORDER BY number")},
      {&s.put_message, rows::UpsertMessageSql()},
      {&s.put_edit, rows::InsertEditSql()},
      {&s.need_object, "INSERT OR IGNORE INTO objects_needed(sha256,seq) VALUES(?,?)"},
      {&s.messages, absl::StrCat("SELECT ", rows::MessageColumns(),
                                 " FROM messages WHERE seq=? ORDER BY number")},
      {&s.edits,
       absl::StrCat("SELECT ", rows::EditColumns(), " FROM edits WHERE seq=? ORDER BY version")},
      {&s.id_taken,
       "SELECT 1 FROM handoffs WHERE id=?1 UNION ALL SELECT 1 FROM purged WHERE id=?1"},
  };
  for (const auto& [statement, sql] : all) {
    ASSIGN_OR_RETURN(*statement, db.Prepare(sql));
  }
  return s;
}

// ---- Reading ----

absl::StatusOr<core::State> SqliteStore::Load(bool new_term) {
  if (new_term) RETURN_IF_ERROR(db_.Execute("UPDATE meta SET term=term+1"));
  core::State state;
  ASSIGN_OR_RETURN(Statement meta, db_.Prepare("SELECT pool_id,term,incarnation,epoch_counter,"
                                               "(SELECT ifnull(max(seq),0) FROM handoffs),"
                                               "(SELECT ifnull(max(revision),0) FROM events)"
                                               " FROM meta"));
  ASSIGN_OR_RETURN(const bool found, meta.Step());
  if (!found) return absl::DataLossError(absl::StrCat(path_, " has no meta record"));
  state.pool_id = meta.Bytes(0);
  state.term = static_cast<uint64_t>(meta.Int(1));
  state.incarnation = static_cast<uint64_t>(meta.Int(2));
  state.epoch_counter = static_cast<uint64_t>(meta.Int(3));
  state.next_seq = static_cast<uint64_t>(meta.Int(4)) + 1;
  state.revision = static_cast<uint64_t>(meta.Int(5));
  ASSIGN_OR_RETURN(const core::Edit records, LiveRecords());
  state.Apply(records);
  ASSIGN_OR_RETURN(const core::Edit identities, identity_.Load());
  state.Apply(identities);
  RETURN_IF_ERROR(CountStored(state));
  RETURN_IF_ERROR(purged_.Load(state));
  return state;
}

// Workers alone are of a time without identities.
absl::StatusOr<SqliteStore::KnownAuthority> SqliteStore::Authority() {
  ASSIGN_OR_RETURN(Statement meta, db_.Prepare("SELECT authority,EXISTS(SELECT 1 FROM users) OR "
                                               "EXISTS(SELECT 1 FROM tokens) OR "
                                               "EXISTS(SELECT 1 FROM credentials) FROM meta"));
  ASSIGN_OR_RETURN(const bool found, meta.Step());
  if (!found) return absl::DataLossError(absl::StrCat(path_, " has no meta record"));
  return KnownAuthority{meta.Bytes(0), meta.Int(1) != 0};
}

absl::Status SqliteStore::NoteAuthority(const std::string& fingerprint) {
  ASSIGN_OR_RETURN(Statement note, db_.Prepare("UPDATE meta SET authority=?"));
  note.BindText(1, fingerprint);
  return Annotate(note.Run(), "noting the pool's authority");
}

absl::StatusOr<SqliteStore::Restored> SqliteStore::NoteRestored(absl::Time now) {
  ASSIGN_OR_RETURN(Statement times,
                   db_.Prepare("SELECT restored_at,max("
                               "ifnull((SELECT at FROM events ORDER BY revision DESC LIMIT 1),0),"
                               "ifnull((SELECT at FROM audit ORDER BY seq DESC LIMIT 1),0),"
                               "ifnull((SELECT max(issued_at) FROM credentials),0)) FROM meta"));
  ASSIGN_OR_RETURN(const bool found, times.Step());
  if (!found) return absl::DataLossError(absl::StrCat(path_, " has no meta record"));
  const absl::Time newest =
      times.Int(1) == 0 ? absl::InfinitePast() : absl::FromUnixNanos(times.Int(1));
  if (!times.IsNull(0) && absl::FromUnixNanos(times.Int(0)) >= newest)
    return Restored{newest, absl::FromUnixNanos(times.Int(0))};
  times.Reset();
  ASSIGN_OR_RETURN(Statement note, db_.Prepare("UPDATE meta SET restored_at=?"));
  note.Bind(1, absl::ToUnixNanos(now));
  RETURN_IF_ERROR(Annotate(note.Run(), "noting that the records were restored"));
  return Restored{newest, now};
}

absl::Status SqliteStore::CountStored(core::State& state) {
  ASSIGN_OR_RETURN(Statement owners,
                   db_.Prepare(absl::StrCat("SELECT owner,sum(rank<", rows::kLiveRank,
                                            "),sum(stored_bytes) FROM handoffs WHERE rank<>",
                                            rows::kLiveRank, " GROUP BY owner")));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, owners.Step());
    if (!row) return absl::OkStatus();
    state.CountStored(owners.Bytes(0), static_cast<size_t>(owners.Int(1)),
                      static_cast<uint64_t>(owners.Int(2)));
  }
}

absl::StatusOr<core::Edit> SqliteStore::LiveRecords() {
  core::Edit edit;
  ASSIGN_OR_RETURN(Statement workers,
                   db_.Prepare(absl::StrCat("SELECT ", rows::WorkerColumns(), " FROM workers")));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, workers.Step());
    if (!row) break;
    edit.changes.emplace_back(core::PutWorker{rows::ReadWorker(workers)});
  }
  ASSIGN_OR_RETURN(Statement holds,
                   db_.Prepare(absl::StrCat("SELECT ", rows::HoldColumns(), " FROM holds")));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, holds.Step());
    if (!row) break;
    edit.changes.emplace_back(core::PutHold{rows::ReadHold(holds)});
  }
  ASSIGN_OR_RETURN(Statement handoffs,
                   db_.Prepare(absl::StrCat("SELECT ", rows::HandoffColumns(),
                                            " FROM handoffs WHERE rank=", rows::kLiveRank)));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, handoffs.Step());
    if (!row) break;
    core::Handoff handoff = rows::ReadHandoff(handoffs);
    RETURN_IF_ERROR(ReadParts(handoff));
    edit.changes.emplace_back(core::PutHandoff{std::move(handoff)});
  }
  return edit;
}

absl::Status SqliteStore::ReadParts(core::Handoff& handoff) {
  const auto seq = static_cast<int64_t>(handoff.seq);
  statements_.spec.Bind(1, seq);
  ASSIGN_OR_RETURN(const bool has_spec, statements_.spec.Step());
  if (has_spec) handoff.spec = statements_.spec.Bytes(0);
  statements_.spec.Reset();

  statements_.attempts.Bind(1, seq);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statements_.attempts.Step());
    if (!row) break;
    handoff.attempts.push_back(rows::ReadAttempt(statements_.attempts, /*with_parts=*/true));
  }
  statements_.attempts.Reset();

  statements_.messages.Bind(1, seq);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statements_.messages.Step());
    if (!row) break;
    handoff.messages.push_back(rows::ReadMessage(statements_.messages));
  }
  statements_.messages.Reset();

  statements_.edits.Bind(1, seq);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statements_.edits.Step());
    if (!row) break;
    handoff.edits.push_back(rows::ReadEdit(statements_.edits));
  }
  statements_.edits.Reset();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<core::Handoff>> SqliteStore::FindOne(Statement& select) {
  ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) {
    select.Reset();
    return std::nullopt;
  }
  core::Handoff handoff = rows::ReadHandoff(select);
  select.Reset();
  RETURN_IF_ERROR(ReadParts(handoff));
  return handoff;
}

absl::StatusOr<core::Handoff> SqliteStore::Find(const std::string& id) {
  statements_.handoff_by_id.BindText(1, id);
  ASSIGN_OR_RETURN(std::optional<core::Handoff> found, FindOne(statements_.handoff_by_id));
  if (!found.has_value()) return absl::NotFoundError(absl::StrCat("no handoff has the id ", id));
  return *std::move(found);
}

absl::StatusOr<std::optional<core::Handoff>> SqliteStore::FindByIdempotencyKey(
    const std::string& owner, const std::string& key) {
  statements_.handoff_by_key.BindText(1, owner);
  statements_.handoff_by_key.BindText(2, key);
  return FindOne(statements_.handoff_by_key);
}

absl::StatusOr<std::optional<core::Handoff>> SqliteStore::FindWaitingByDedupeKey(
    const std::string& key) {
  statements_.waiting_by_dedupe_key.BindText(1, key);
  return FindOne(statements_.waiting_by_dedupe_key);
}

absl::StatusOr<bool> SqliteStore::IsTaken(const std::string& id) {
  statements_.id_taken.BindText(1, id);
  const absl::StatusOr<bool> taken = statements_.id_taken.Step();
  statements_.id_taken.Reset();
  return taken;
}

absl::StatusOr<bool> SqliteStore::WasPurged(const std::string& id) { return purged_.Has(id); }

absl::StatusOr<std::string> SqliteStore::FreeId(const std::string& id) {
  ASSIGN_OR_RETURN(const bool taken, IsTaken(id));
  if (!taken) return id;
  const auto numbered = [&id](int64_t n) { return absl::StrCat(id, "-", n); };
  // The end of the numbers in use, by doubling and then halving: a thousand equal tasks a day must
  // not cost a thousand look-ups each.
  int64_t used = 1, free = 2;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, IsTaken(numbered(free)));
    if (!more) break;
    used = free;
    free *= 2;
  }
  while (free - used > 1) {
    const int64_t middle = used + (free - used) / 2;
    ASSIGN_OR_RETURN(const bool more, IsTaken(numbered(middle)));
    (more ? used : free) = middle;
  }
  return numbered(free);
}

absl::Status SqliteStore::HasRoom() {
  ASSIGN_OR_RETURN(const uint64_t free, FreeDiskBytes(path_));
  if (free >= options_.reserve_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the coordinator's disk has ", HumanBytes(free), " left and keeps ",
      HumanBytes(options_.reserve_bytes),
      " for the ends of what runs; nothing new was stored. Free space there and try again"));
}

// ---- Writing ----

absl::Status SqliteStore::Commit(const std::vector<core::Edit>& edits) {
  RETURN_IF_ERROR(statements_.begin.Run());
  absl::Status status = Write(edits);
  if (status.ok()) status = statements_.commit.Run();
  if (!status.ok()) return RollBack(status);
  return CheckpointIfDue();
}

absl::Status SqliteStore::Write(const std::vector<core::Edit>& edits) {
  Batch batch;
  for (const core::Edit& edit : edits) {
    for (const core::Change& change : edit.changes) RETURN_IF_ERROR(WriteChange(change, batch));
  }
  for (const auto& [key, handoff] : batch.handoffs) RETURN_IF_ERROR(WriteHandoff(*handoff));
  if (batch.epoch_counter.has_value()) {
    statements_.set_epoch_counter.Bind(1, static_cast<int64_t>(*batch.epoch_counter));
    RETURN_IF_ERROR(statements_.set_epoch_counter.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::WriteChange(const core::Change& change, Batch& batch) {
  Statements& s = statements_;
  return std::visit(
      Overloaded{[&](const core::PutHandoff& c) {
                   batch.handoffs[{c.handoff.seq, c.handoff.id}] = &c.handoff;
                   return absl::OkStatus();
                 },
                 [&](const core::PurgeHandoff& c) {
                   batch.handoffs.erase({c.seq, c.id});
                   return purged_.Purge(c);
                 },
                 [&](const core::PurgedFrom& c) { return purged_.Drop(c); },
                 [&](const core::SetEpochCounter& c) {
                   batch.epoch_counter = c.counter;
                   return absl::OkStatus();
                 },
                 [&](const core::SetTerm& c) {
                   s.set_term.Bind(1, static_cast<int64_t>(c.term));
                   s.set_term.Bind(2, static_cast<int64_t>(c.incarnation));
                   return s.set_term.Run();
                 },
                 [&](const core::PutWorker& c) {
                   rows::BindWorker(s.put_worker, c.worker);
                   return s.put_worker.Run();
                 },
                 [&](const core::DropWorker& c) {
                   s.drop_worker.BindText(1, c.uuid);
                   return s.drop_worker.Run();
                 },
                 [&](const core::PutHold& c) {
                   rows::BindHold(s.put_hold, c.hold);
                   return s.put_hold.Run();
                 },
                 [&](const core::DropHold& c) {
                   s.drop_hold.BindText(1, c.worker_uuid);
                   s.drop_hold.BindText(2, c.key);
                   return s.drop_hold.Run();
                 },
                 [&](const core::AddEvent& c) {
                   rows::BindEvent(s.add_event, c.event);
                   return s.add_event.Run();
                 },
                 [&](const auto& c) { return identity_.Write(c); }},  // of identities, or volatile
      change);
}

absl::Status SqliteStore::WriteHandoff(const core::Handoff& handoff) {
  rows::BindHandoff(statements_.put_handoff, handoff);
  RETURN_IF_ERROR(statements_.put_handoff.Run());
  statements_.put_spec.Bind(1, static_cast<int64_t>(handoff.seq));
  statements_.put_spec.BindBlob(2, handoff.spec);
  RETURN_IF_ERROR(statements_.put_spec.Run());
  RETURN_IF_ERROR(NeedObjects(handoff.seq, handoff.inputs));
  RETURN_IF_ERROR(NeedObjects(handoff.seq, handoff.returned.packs));
  for (const core::Attempt& attempt : handoff.attempts) {
    rows::BindAttempt(statements_.put_attempt, handoff.seq, attempt);
    RETURN_IF_ERROR(statements_.put_attempt.Run());
    RETURN_IF_ERROR(NeedObjects(handoff.seq, attempt.checkpoint.packs));
    RETURN_IF_ERROR(NeedObjects(handoff.seq, attempt.late_checkpoint.packs));
  }
  for (const core::Message& message : handoff.messages) {
    rows::BindMessage(statements_.put_message, handoff.seq, message);
    RETURN_IF_ERROR(statements_.put_message.Run());
  }
  for (const core::SectionEdit& edit : handoff.edits) {
    rows::BindEdit(statements_.put_edit, handoff.seq, edit);
    RETURN_IF_ERROR(statements_.put_edit.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::NeedObjects(uint64_t seq, const std::set<std::string>& hashes) {
  for (const std::string& sha256 : hashes) {
    statements_.need_object.BindText(1, sha256);
    statements_.need_object.Bind(2, static_cast<int64_t>(seq));
    RETURN_IF_ERROR(statements_.need_object.Run());
  }
  return absl::OkStatus();
}

// Only a full disk and a busy file leave nothing behind for sure: SQLite returns them before the
// commit's last frame is whole. After a failed sync nobody knows what is on the disk.
absl::Status SqliteStore::RollBack(const absl::Status& cause) {
  if (db_.in_transaction()) RETURN_IF_ERROR(statements_.rollback.Run());
  return Annotate(cause, "storing a batch");
}

absl::Status SqliteStore::CheckpointIfDue() {
  if (db_.wal_pages() < options_.checkpoint_pages) return absl::OkStatus();
  const bool whole = db_.wal_pages() >= kWholeCheckpointFactor * options_.checkpoint_pages;
  const absl::Status status = db_.Checkpoint(whole);
  // The batch is durable in the log. Without space for its pages in the file the log grows on.
  if (absl::IsResourceExhausted(status)) return absl::OkStatus();
  return Annotate(status, "moving the write-ahead log into the database");
}

}  // namespace handoff
