// The Store in one SQLite file. Owned by the engine's thread, whose connection makes all writes and
// all checkpoints: nobody else may write to the file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/identity_rows.h"
#include "coordinator/store/purged_rows.h"
#include "coordinator/store/sqlite.h"
#include "coordinator/store/store.h"

namespace handoff {

struct SqliteStoreOptions {
  // Below this much free space nothing new is taken; what is left is for the ends of what runs.
  uint64_t reserve_bytes = uint64_t{256} << 20;
  // Pages in the write-ahead log from which on a commit moves them into the file.
  int checkpoint_pages = 4096;
  // The file grows to this many pages of 4096 bytes; beyond it, it is like a full disk. 0: any.
  int64_t max_pages = 0;
};

class SqliteStore final : public Store {
 public:
  // Makes or migrates the file.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& path,
                                                           SqliteStoreOptions options = {});

  // The pool's authority, as a start of it left that here. Before an engine has the store.
  struct KnownAuthority {
    std::string fingerprint;      // empty: none was noted yet
    bool has_identities = false;  // users, tokens or credentials: they came in by its certificates
  };
  absl::StatusOr<KnownAuthority> Authority();
  absl::Status NoteAuthority(const std::string& fingerprint);

  // That these records were restored from a copy, until `now`. Before an engine has the store.
  // Noted once: nothing is changed while nothing was recorded since.
  struct Restored {
    absl::Time newest;  // record here; InfinitePast: there is none
    absl::Time noted;   // since when it is known
  };
  absl::StatusOr<Restored> NoteRestored(absl::Time now);

  absl::StatusOr<core::State> Load(bool new_term) override;
  absl::Status Commit(const std::vector<core::Edit>& edits) override;
  absl::StatusOr<core::Handoff> Find(const std::string& id) override;
  absl::StatusOr<std::optional<core::Handoff>> FindByIdempotencyKey(
      const std::string& owner, const std::string& key) override;
  absl::StatusOr<std::optional<core::Handoff>> FindWaitingByDedupeKey(
      const std::string& key) override;
  absl::StatusOr<bool> WasPurged(const std::string& id) override;
  absl::StatusOr<std::string> FreeId(const std::string& id) override;
  absl::Status HasRoom() override;

 private:
  struct Statements {
    Statement begin, commit, rollback;
    Statement put_handoff, put_spec, put_attempt, put_message, put_edit, need_object, put_worker,
        drop_worker, put_hold, drop_hold, add_event, set_epoch_counter, set_term;
    Statement handoff_by_id, handoff_by_key, waiting_by_dedupe_key, spec, attempts, messages, edits,
        id_taken;
  };
  SqliteStore(std::string path, SqliteStoreOptions options, Database db, Statements statements,
              PurgedRows purged, IdentityRows identity);
  static absl::StatusOr<Statements> PrepareAll(Database& db);

  // What a batch leaves: of several changes of one record the last one counts.
  struct Batch {
    std::map<std::pair<uint64_t, absl::string_view>, const core::Handoff*> handoffs;  // seq, id
    std::optional<uint64_t> epoch_counter;
  };
  absl::Status Write(const std::vector<core::Edit>& edits);
  absl::Status WriteChange(const core::Change& change, Batch& batch);
  absl::Status WriteHandoff(const core::Handoff& handoff);
  absl::Status NeedObjects(uint64_t seq, const std::set<std::string>& hashes);
  absl::Status RollBack(const absl::Status& cause);
  absl::Status CheckpointIfDue();
  absl::StatusOr<std::optional<core::Handoff>> FindOne(Statement& select);
  absl::Status ReadParts(core::Handoff& handoff);
  absl::StatusOr<core::Edit> LiveRecords();
  absl::Status CountStored(core::State& state);  // of those at rest, by owner
  absl::StatusOr<bool> IsTaken(const std::string& id);

  const std::string path_;
  const SqliteStoreOptions options_;
  Database db_;
  Statements statements_;  // dropped before db_, as are the next
  PurgedRows purged_;
  IdentityRows identity_;
};

}  // namespace handoff
