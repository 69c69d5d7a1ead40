#include "coordinator/store/migrations.h"

#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

// Times are nanoseconds since 1970, NULL when not set; enumerations have the numbers of
// coordinator/core and common/handoff/outcome.h. Columns that may be long come last, so that a
// list never reads their pages.
constexpr const char* kSteps[] = {
    // 1. `rank` and `position` are the order of lists: what needs a person (0), what is live (1)
    // by submission, what has ended (2) by its end. Specs are a table of their own, because a
    // handoff's row is written again with each change and a spec is not.
    R"sql(
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  pool_id TEXT NOT NULL,
  term INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  epoch_counter INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(16))), 0, 1, 0);

CREATE TABLE handoffs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  rank INTEGER NOT NULL, position INTEGER NOT NULL,
  status INTEGER NOT NULL, failure INTEGER NOT NULL, verified INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  owner TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,
  repo_key TEXT NOT NULL, repo_url TEXT NOT NULL, repo_ref TEXT NOT NULL,
  pack_sha256 TEXT NOT NULL,
  labels TEXT NOT NULL, require TEXT NOT NULL,
  on_worker TEXT NOT NULL, prefer_worker TEXT NOT NULL, exclusive INTEGER NOT NULL,
  priority INTEGER NOT NULL, retries INTEGER NOT NULL, lease INTEGER NOT NULL, deadline INTEGER,
  idempotency_key TEXT NOT NULL, content_hash TEXT NOT NULL,
  created_at INTEGER, updated_at INTEGER, ended_at INTEGER, not_before INTEGER,
  retries_used INTEGER NOT NULL, avoid TEXT NOT NULL,
  task_line TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX handoffs_in_order ON handoffs (rank, position);
CREATE INDEX handoffs_of_owner ON handoffs (owner, rank, position);
CREATE UNIQUE INDEX handoffs_by_key ON handoffs (owner, idempotency_key)
  WHERE idempotency_key <> '';
CREATE INDEX handoffs_of_pack ON handoffs (pack_sha256) WHERE pack_sha256 <> '';

CREATE TABLE specs (seq INTEGER PRIMARY KEY, spec BLOB NOT NULL);

CREATE TABLE attempts (
  seq INTEGER NOT NULL, number INTEGER NOT NULL,
  state INTEGER NOT NULL, epoch INTEGER NOT NULL,
  worker_uuid TEXT NOT NULL, worker_name TEXT NOT NULL,
  created_at INTEGER, leased_at INTEGER,
  session TEXT NOT NULL, session_kind INTEGER NOT NULL,
  stop_as INTEGER NOT NULL, stop_reason TEXT NOT NULL, arrived_after_loss INTEGER NOT NULL,
  has_end INTEGER NOT NULL,
  end_failure INTEGER, end_ended_by INTEGER, end_host_fault INTEGER, end_hold_key TEXT,
  end_changed INTEGER, end_verified INTEGER, end_session TEXT, end_session_kind INTEGER,
  end_head_commit TEXT, end_exit_code INTEGER,
  end_files_changed INTEGER, end_lines_added INTEGER, end_lines_deleted INTEGER,
  end_log_bytes INTEGER, end_log_sha256 TEXT,
  end_started_at INTEGER, end_ended_at INTEGER, end_retry_at INTEGER,
  end_message TEXT, end_bytes BLOB,
  PRIMARY KEY (seq, number)
) WITHOUT ROWID;

CREATE TABLE workers (
  uuid TEXT PRIMARY KEY, name TEXT NOT NULL, registered_at INTEGER,
  draining INTEGER NOT NULL, drain_reason TEXT NOT NULL,
  start INTEGER NOT NULL, nonce INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE holds (
  worker_uuid TEXT NOT NULL, key TEXT NOT NULL, url TEXT NOT NULL, reason TEXT NOT NULL,
  since INTEGER, next_probe INTEGER, failures INTEGER NOT NULL,
  PRIMARY KEY (worker_uuid, key)
) WITHOUT ROWID;

CREATE TABLE events (
  revision INTEGER PRIMARY KEY,
  at INTEGER, handoff_id TEXT NOT NULL, kind TEXT NOT NULL, attempt INTEGER NOT NULL,
  worker TEXT NOT NULL, status INTEGER NOT NULL, message TEXT NOT NULL
);
CREATE INDEX events_of_handoff ON events (handoff_id) WHERE handoff_id <> '';
)sql",
    // 2. Messages, checkpoints, checks. `objects_needed` says which handoffs need which packs of
    // checkpoints; the submitted one stays in its column.
    R"sql(
ALTER TABLE handoffs ADD COLUMN check_retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN check_retries_used INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN notify TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN dedupe_key TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN go_on_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN question TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts RENAME TO attempts_1;
CREATE TABLE attempts (
  seq INTEGER NOT NULL, number INTEGER NOT NULL,
  state INTEGER NOT NULL, epoch INTEGER NOT NULL,
  worker_uuid TEXT NOT NULL, worker_name TEXT NOT NULL,
  created_at INTEGER, leased_at INTEGER,
  session TEXT NOT NULL, session_kind INTEGER NOT NULL, from_attempt INTEGER NOT NULL DEFAULT 0,
  from_commit TEXT NOT NULL DEFAULT '',
  stop_as INTEGER NOT NULL, stop_reason TEXT NOT NULL, arrived_after_loss INTEGER NOT NULL,
  checkpoint_commit TEXT NOT NULL DEFAULT '', checkpoint_session TEXT NOT NULL DEFAULT '',
  checkpoint_taken_at INTEGER,
  late_commit TEXT NOT NULL DEFAULT '', late_session TEXT NOT NULL DEFAULT '',
  late_taken_at INTEGER,
  has_end INTEGER NOT NULL,
  end_failure INTEGER, end_ended_by INTEGER, end_host_fault INTEGER, end_hold_key TEXT,
  end_changed INTEGER, end_verified INTEGER, end_session TEXT, end_session_kind INTEGER,
  end_head_commit TEXT, end_exit_code INTEGER,
  end_files_changed INTEGER, end_lines_added INTEGER, end_lines_deleted INTEGER,
  end_log_bytes INTEGER, end_log_sha256 TEXT,
  end_started_at INTEGER, end_ended_at INTEGER, end_retry_at INTEGER,
  end_message TEXT, end_checks_run INTEGER NOT NULL DEFAULT 0,
  end_checks_passed INTEGER NOT NULL DEFAULT 0,
  checkpoint_packs TEXT NOT NULL DEFAULT '', checkpoint_bytes BLOB NOT NULL DEFAULT x'',
  late_packs TEXT NOT NULL DEFAULT '', late_bytes BLOB NOT NULL DEFAULT x'', end_bytes BLOB,
  PRIMARY KEY (seq, number)
) WITHOUT ROWID;
INSERT INTO attempts (seq, number, state, epoch, worker_uuid, worker_name, created_at, leased_at,
  session, session_kind, stop_as, stop_reason, arrived_after_loss, has_end, end_failure,
  end_ended_by, end_host_fault, end_hold_key, end_changed, end_verified, end_session,
  end_session_kind, end_head_commit, end_exit_code, end_files_changed, end_lines_added,
  end_lines_deleted, end_log_bytes, end_log_sha256, end_started_at, end_ended_at, end_retry_at,
  end_message, end_bytes)
SELECT seq, number, state, epoch, worker_uuid, worker_name, created_at, leased_at,
  session, session_kind, stop_as, stop_reason, arrived_after_loss, has_end, end_failure,
  end_ended_by, end_host_fault, end_hold_key, end_changed, end_verified, end_session,
  end_session_kind, end_head_commit, end_exit_code, end_files_changed, end_lines_added,
  end_lines_deleted, end_log_bytes, end_log_sha256, end_started_at, end_ended_at, end_retry_at,
  end_message, end_bytes FROM attempts_1;
DROP TABLE attempts_1;

CREATE INDEX waiting_handoffs_by_dedupe_key ON handoffs (dedupe_key)
  WHERE rank = 0 AND dedupe_key <> '';

CREATE TABLE messages (
  seq INTEGER NOT NULL, number INTEGER NOT NULL,
  origin INTEGER NOT NULL, author TEXT NOT NULL, sent_at INTEGER,
  attempt INTEGER NOT NULL, delivered INTEGER NOT NULL, dropped INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (seq, number)
) WITHOUT ROWID;

CREATE TABLE objects_needed (
  sha256 TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (sha256, seq)
) WITHOUT ROWID;
)sql",
    // 3. Sessions that may go on, takeover and return, edits, summaries, pushes, deletion. An id in
    // `purged` is not given again, and the workers that are named there still have a workspace.
    R"sql(
ALTER TABLE handoffs ADD COLUMN sessions_from INTEGER NOT NULL DEFAULT 1;
ALTER TABLE handoffs ADD COLUMN taken_by TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN taken_at INTEGER;
ALTER TABLE handoffs ADD COLUMN taken_on TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN by_hand_on TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN returned_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN returned_commit TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN returned_session TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN returned_taken_at INTEGER;
ALTER TABLE handoffs ADD COLUMN returned_packs TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN returned_bytes BLOB NOT NULL DEFAULT x'';
ALTER TABLE handoffs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;

ALTER TABLE attempts ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN only_checks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN summary BLOB NOT NULL DEFAULT x'';
ALTER TABLE attempts ADD COLUMN push BLOB NOT NULL DEFAULT x'';

CREATE TABLE edits (
  seq INTEGER NOT NULL, version INTEGER NOT NULL,
  section TEXT NOT NULL, author TEXT NOT NULL, at INTEGER, text TEXT NOT NULL,
  PRIMARY KEY (seq, version)
) WITHOUT ROWID;

CREATE INDEX objects_needed_of_handoff ON objects_needed (seq);

CREATE TABLE purged (
  id TEXT PRIMARY KEY, at INTEGER, actor TEXT NOT NULL, workers TEXT NOT NULL
) WITHOUT ROWID;
)sql",
    // 4. Identities, and the audit log. Of secrets there are hashes only. `audit_seq` and
    // `audit_hash` are of the last row of `audit`, to find one that was cut off.
    R"sql(
ALTER TABLE handoffs ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN repos TEXT NOT NULL DEFAULT '';
ALTER TABLE meta ADD COLUMN audit_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN audit_hash TEXT NOT NULL DEFAULT '';

CREATE TABLE users (
  name TEXT PRIMARY KEY, role INTEGER NOT NULL, repos TEXT NOT NULL,
  created_at INTEGER, created_by TEXT NOT NULL, disabled INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, purpose INTEGER NOT NULL,
  user TEXT NOT NULL, repos TEXT NOT NULL,
  expires_at INTEGER, created_at INTEGER, created_by TEXT NOT NULL,
  used_at INTEGER, revoked_at INTEGER,
  labels TEXT NOT NULL, owner TEXT NOT NULL, shared INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE credentials (
  serial TEXT PRIMARY KEY, purpose INTEGER NOT NULL, subject TEXT NOT NULL,
  device TEXT NOT NULL, line TEXT NOT NULL, generation INTEGER NOT NULL, repos TEXT NOT NULL,
  sponsor TEXT NOT NULL, issued_at INTEGER, not_after INTEGER, revoked_at INTEGER
) WITHOUT ROWID;

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, at INTEGER,
  actor TEXT NOT NULL, serial TEXT NOT NULL, address TEXT NOT NULL,
  action TEXT NOT NULL, object TEXT NOT NULL, outcome INTEGER NOT NULL, detail TEXT NOT NULL,
  hash TEXT NOT NULL
);
)sql",
    // 5. What is held for an owner. Of the objects of earlier handoffs nobody knows the size; their
    // logs count. The index has all that a start reads of those at rest.
    R"sql(
ALTER TABLE handoffs ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE handoffs SET stored_bytes =
  (SELECT ifnull(sum(end_log_bytes), 0) FROM attempts WHERE attempts.seq = handoffs.seq);
CREATE INDEX handoffs_held_for_owner ON handoffs (owner, rank, stored_bytes);
)sql",
    // 6. The fingerprint of the pool's authority, which lies in files beside the database; '' until
    // the first start that knows it.
    R"sql(
ALTER TABLE meta ADD COLUMN authority TEXT NOT NULL DEFAULT '';
)sql",
    // 7. The line of credentials that a token bought; '' of those that were used before.
    R"sql(
ALTER TABLE tokens ADD COLUMN line TEXT NOT NULL DEFAULT '';
)sql",
    // 8. When somebody said last that the records were restored from a copy.
    R"sql(
ALTER TABLE meta ADD COLUMN restored_at INTEGER;
)sql",
    // 9. Objects of the files that were attached to a handoff; `objects_needed` has them, too.
    R"sql(
ALTER TABLE handoffs ADD COLUMN inputs TEXT NOT NULL DEFAULT '';
)sql",
};

}  // namespace

int NewestSchema() { return static_cast<int>(std::size(kSteps)); }

absl::Status Migrate(Database& db, int schema) {
  ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  if (version > NewestSchema()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the database has schema ", version, " and this program knows ", NewestSchema(),
        ": a newer version wrote it. Nothing was changed; start that version again"));
  }
  for (int64_t step = version; step < schema; ++step) {
    RETURN_IF_ERROR(
        Annotate(db.Execute(absl::StrCat("BEGIN IMMEDIATE;", kSteps[step],
                                         ";PRAGMA user_version=", step + 1, ";COMMIT;")),
                 absl::StrCat("bringing the database to schema ", step + 1)));
  }
  return absl::OkStatus();
}

}  // namespace handoff
