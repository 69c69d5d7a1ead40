#include "coordinator/store/sqlite_reader.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "coordinator/core/sentence.h"
#include "coordinator/store/column_text.h"
#include "coordinator/store/rows.h"

namespace handoff {
namespace {

// Some ten million rows of an index: seconds, not minutes.
constexpr int64_t kMaxOperations = 200'000'000;
constexpr int kMaxCandidates = 10;
constexpr absl::Duration kPatience = absl::Seconds(5);  // for a connection
constexpr int64_t kNewest = std::numeric_limits<int64_t>::max();

// Where a page begins: after this row of the order (rank, position descending, seq descending).
struct Cursor {
  int64_t rank = 0, position = kNewest, seq = kNewest;
};

absl::StatusOr<Cursor> ParseCursor(const std::string& text) {
  Cursor cursor;
  if (text.empty()) return cursor;
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  if (parts.size() == 3 && absl::SimpleAtoi(parts[0], &cursor.rank) &&
      absl::SimpleAtoi(parts[1], &cursor.position) && absl::SimpleAtoi(parts[2], &cursor.seq) &&
      cursor.rank >= 0 && cursor.rank <= rows::kEndedRank) {
    return cursor;
  }
  return absl::InvalidArgumentError(
      "the page cursor is not one that a list returned; start the list again without it");
}

// A statement put together with its values, so that no value is ever part of the SQL.
class Query {
 public:
  explicit Query(std::string sql) : sql_(std::move(sql)) {}
  Query& Add(absl::string_view sql) {
    absl::StrAppend(&sql_, sql);
    return *this;
  }
  Query& Add(absl::string_view sql, int64_t value) {
    values_.push_back({value, std::nullopt});
    return Add(sql);
  }
  Query& Add(absl::string_view sql, std::string value) {
    values_.push_back({0, std::move(value)});
    return Add(sql);
  }
  // The statement refers to the values of this Query.
  absl::StatusOr<Statement> Prepare(Database& db) const {
    ASSIGN_OR_RETURN(Statement statement, db.Prepare(sql_));
    for (size_t i = 0; i < values_.size(); ++i) {
      const int index = static_cast<int>(i) + 1;
      if (values_[i].text.has_value()) {
        statement.BindText(index, *values_[i].text);
      } else {
        statement.Bind(index, values_[i].number);
      }
    }
    return statement;
  }

 private:
  struct Value {
    int64_t number;
    std::optional<std::string> text;
  };
  std::string sql_;
  std::vector<Value> values_;
};

// What is found by a repository or a label has it, although neither is shown.
bool HidesPrivate(const ListFilter& filter) {
  if (filter.eyes.others_private) return false;
  return !filter.eyes.others_listed || !filter.repo.empty() || !filter.labels.empty();
}

// The rows of one rank, in order, after the cursor.
Query PageOf(const ListFilter& filter, const Cursor& cursor, int limit) {
  Query query(absl::StrCat("SELECT ", rows::HandoffColumns(), " FROM handoffs WHERE "));
  if (!filter.owner.empty()) query.Add("owner=? AND ", filter.owner);
  if (!filter.eyes.others) query.Add("owner=? AND ", filter.eyes.subject);
  if (filter.eyes.others && HidesPrivate(filter))
    query.Add("(private=0 OR owner=?) AND ", filter.eyes.subject);
  if (!filter.deleted) query.Add("deleted=0 AND ");
  query.Add("rank=?", cursor.rank);
  query.Add(" AND (position,seq)<(?", cursor.position).Add(",?)", cursor.seq);
  if (cursor.rank == rows::kEndedRank && filter.ended_since != absl::InfinitePast()) {
    query.Add(" AND position>?", rows::ToNanos(filter.ended_since));
  }
  if (!filter.statuses.empty()) {
    std::vector<int> numbers;
    for (const core::HandoffStatus status : filter.statuses) {
      numbers.push_back(static_cast<int>(status));
    }
    query.Add(absl::StrCat(" AND status IN (", absl::StrJoin(numbers, ","), ")"));
  }
  if (!filter.repo.empty()) {
    query.Add(" AND (instr(repo_url,?)>0", filter.repo)
        .Add(" OR instr(repo_key,?)>0)", filter.repo);
  }
  for (const auto& [key, value] : filter.labels) {
    query.Add(" AND instr(labels,?)>0", rows::EntryLine(key, value));
  }
  if (!filter.worker.empty()) {
    query.Add(
        " AND EXISTS (SELECT 1 FROM attempts WHERE attempts.seq=handoffs.seq AND worker_name=?)",
        filter.worker);
  }
  query.Add(" ORDER BY position DESC, seq DESC LIMIT ?", limit);
  return query;
}

absl::Status ReadAttempts(Database& db, core::Handoff& handoff, bool with_parts) {
  Query query(
      absl::StrCat("SELECT ", rows::AttemptColumns(with_parts), " FROM attempts WHERE seq="));
  query.Add("? ORDER BY number", static_cast<int64_t>(handoff.seq));
  ASSIGN_OR_RETURN(Statement statement, query.Prepare(db));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    handoff.attempts.push_back(rows::ReadAttempt(statement, with_parts));
  }
}

absl::Status ReadMessages(Database& db, core::Handoff& handoff) {
  Query query(absl::StrCat("SELECT ", rows::MessageColumns(), " FROM messages WHERE seq="));
  query.Add("? ORDER BY number", static_cast<int64_t>(handoff.seq));
  ASSIGN_OR_RETURN(Statement statement, query.Prepare(db));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    handoff.messages.push_back(rows::ReadMessage(statement));
  }
}

absl::Status ReadEdits(Database& db, core::Handoff& handoff) {
  Query query(absl::StrCat("SELECT ", rows::EditColumns(), " FROM edits WHERE seq="));
  query.Add("? ORDER BY version", static_cast<int64_t>(handoff.seq));
  ASSIGN_OR_RETURN(Statement statement, query.Prepare(db));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    handoff.edits.push_back(rows::ReadEdit(statement));
  }
}

Query& AddEyes(Query& query, const Eyes& eyes) {
  if (!eyes.others) query.Add(" AND owner=?", eyes.subject);
  if (eyes.others && !eyes.others_private) query.Add(" AND (private=0 OR owner=?)", eyes.subject);
  return query;
}

// Those of a handoff that was purged are of nobody any more: whoever sees all sees them. Those of
// workers are for people, and not for a pipeline, which sees what it submitted.
void AddEventEyes(Query& query, const Eyes& eyes) {
  constexpr char kOfVisible[] = "EXISTS (SELECT 1 FROM handoffs WHERE id=events.handoff_id AND ";
  if (!eyes.others) query.Add(absl::StrCat(" AND ", kOfVisible, "owner=?)"), eyes.subject);
  if (eyes.others && !eyes.others_private)
    query.Add(absl::StrCat(" AND (handoff_id='' OR ", kOfVisible, "(private=0 OR owner=?)))"),
              eyes.subject);
}

Query& AddPurgedEyes(Query& query, const Eyes& eyes) {
  if (!eyes.others_private) query.Add(" AND actor=?", eyes.subject);
  return query;
}

absl::StatusOr<std::vector<std::string>> Texts(Database& db, const Query& query) {
  ASSIGN_OR_RETURN(Statement statement, query.Prepare(db));
  std::vector<std::string> texts;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return texts;
    texts.push_back(statement.Bytes(0));
  }
}

absl::Status NotFound(Database& db, const std::string& part, const Eyes& eyes) {
  Query query("SELECT at,actor FROM purged WHERE id=");
  AddPurgedEyes(query.Add("?", part), eyes);
  ASSIGN_OR_RETURN(Statement row, query.Prepare(db));
  ASSIGN_OR_RETURN(const bool purged, row.Step());
  if (purged) {
    const std::string actor = row.Bytes(1);
    return absl::NotFoundError(
        absl::StrCat(part, " was purged", actor.empty() ? "" : absl::StrCat(" by ", actor), " on ",
                     core::TimeText(absl::FromUnixNanos(row.Int(0))), ": nothing of it is kept"));
  }
  return absl::NotFoundError(absl::StrCat("no handoff has the id ", part,
                                          " or one that contains it; `handoff list --all` shows "
                                          "what there is"));
}

}  // namespace

// A connection, taken for one call, inside one read transaction.
class SqliteReader::Snapshot {
 public:
  static absl::StatusOr<Snapshot> Take(SqliteReader& reader,
                                       Connections::Use use = Connections::Use::kBrief) {
    ASSIGN_OR_RETURN(auto db, reader.connections_.Take(use));
    Snapshot snapshot(reader, std::move(db));
    RETURN_IF_ERROR(snapshot.db_->Execute("BEGIN"));
    snapshot.db_->LimitWork(kMaxOperations);
    return snapshot;
  }
  Snapshot(Snapshot&&) = default;
  ~Snapshot() {
    if (db_ == nullptr) return;
    db_->LimitWork(0);
    // Nothing was written: an error of the end of a read transaction has no meaning.
    if (db_->in_transaction()) db_->Execute("ROLLBACK").IgnoreError();
    reader_.connections_.Return(std::move(db_));
  }
  Database& db() { return *db_; }

 private:
  Snapshot(SqliteReader& reader, std::unique_ptr<Database> db)
      : reader_(reader), db_(std::move(db)) {}
  SqliteReader& reader_;
  std::unique_ptr<Database> db_;
};

absl::StatusOr<std::unique_ptr<SqliteReader>> SqliteReader::Open(const std::string& path,
                                                                 int connections) {
  std::vector<std::unique_ptr<Database>> all;
  for (int i = 0; i < std::max(1, connections); ++i) {
    ASSIGN_OR_RETURN(Database db, Database::Open(path, Database::Access::kReader));
    all.push_back(std::make_unique<Database>(std::move(db)));
  }
  const size_t kept = all.size() > 1 ? 1 : 0;
  return std::unique_ptr<SqliteReader>(new SqliteReader(std::move(all), kept));
}

SqliteReader::SqliteReader(std::vector<std::unique_ptr<Database>> all, size_t kept)
    : connections_(std::move(all), kept, kPatience) {}

absl::StatusOr<ListPage> SqliteReader::List(const ListFilter& filter) {
  ASSIGN_OR_RETURN(Cursor cursor, ParseCursor(filter.cursor));
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this, Connections::Use::kWalk));
  const size_t limit = static_cast<size_t>(std::clamp(filter.limit, 1, kMaxPage));
  ListPage page;
  for (; cursor.rank <= rows::kEndedRank; cursor = Cursor{cursor.rank + 1}) {
    // One row more than wanted tells whether there is a next page.
    const Query query = PageOf(filter, cursor, static_cast<int>(limit + 1 - page.handoffs.size()));
    ASSIGN_OR_RETURN(Statement rows, query.Prepare(snapshot.db()));
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      if (page.handoffs.size() == limit) {
        const core::Handoff& last = page.handoffs.back();
        const rows::Place place = rows::PlaceOf(last);
        page.next_cursor = absl::StrCat(place.rank, ".", place.position, ".", last.seq);
        return page;
      }
      core::Handoff handoff = rows::ReadHandoff(rows);
      RETURN_IF_ERROR(ReadAttempts(snapshot.db(), handoff, /*with_parts=*/false));
      page.handoffs.push_back(std::move(handoff));
    }
  }
  return page;
}

absl::StatusOr<core::Handoff> SqliteReader::Get(const std::string& id) {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  Query query(absl::StrCat("SELECT ", rows::HandoffColumns(),
                           ",(SELECT spec FROM specs WHERE specs.seq=handoffs.seq)"
                           " FROM handoffs WHERE id="));
  query.Add("?", id);
  ASSIGN_OR_RETURN(Statement row, query.Prepare(snapshot.db()));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return NotFound(snapshot.db(), id, Eyes());
  core::Handoff handoff = rows::ReadHandoff(row);
  handoff.spec = row.Bytes(rows::HandoffColumnCount());
  RETURN_IF_ERROR(ReadAttempts(snapshot.db(), handoff, /*with_parts=*/true));
  RETURN_IF_ERROR(ReadMessages(snapshot.db(), handoff));
  RETURN_IF_ERROR(ReadEdits(snapshot.db(), handoff));
  return handoff;
}

absl::StatusOr<std::string> SqliteReader::Resolve(const std::string& part, IdRule rule,
                                                  const Eyes& eyes) {
  if (part.empty()) return absl::InvalidArgumentError("an empty id names no handoff");
  {  // A full id is one look-up: whoever waits for a handoff does not wait for other people's
     // walks.
    ASSIGN_OR_RETURN(Snapshot brief, Snapshot::Take(*this));
    Query exact("SELECT id FROM handoffs WHERE id=");
    exact.Add("?", part);
    AddEyes(exact, eyes);
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, Texts(brief.db(), exact));
    if (!ids.empty()) return ids[0];
  }
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this, Connections::Use::kWalk));
  const Query searches[] = {
      std::move(AddEyes(Query("SELECT id FROM handoffs WHERE deleted=0 AND ")
                            .Add("rank<?", rows::kEndedRank)
                            .Add(" AND instr(id,?)>0", part),
                        eyes)
                    .Add(" ORDER BY seq DESC LIMIT ?", kMaxCandidates + 1)),
      std::move(
          AddEyes(Query("SELECT id FROM handoffs WHERE deleted=0").Add(" AND instr(id,?)>0", part),
                  eyes)
              .Add(" ORDER BY seq DESC LIMIT ?", kMaxCandidates + 1)),
  };
  for (const Query& search : searches) {
    ASSIGN_OR_RETURN(std::vector<std::string> ids, Texts(snapshot.db(), search));
    const bool among_live = &search == &searches[0];
    if (ids.empty() || (among_live && rule == IdRule::kOnlyOne)) continue;
    if (ids.size() == 1) return ids[0];
    const bool more = ids.size() > kMaxCandidates;
    if (more) ids.pop_back();
    return absl::FailedPreconditionError(
        absl::StrCat(part, " names more than one handoff: ", absl::StrJoin(ids, ", "),
                     more ? " and others" : "", "; give more of the id"));
  }
  return NotFound(snapshot.db(), part, eyes);
}

absl::StatusOr<std::vector<core::Event>> SqliteReader::Events(uint64_t after,
                                                              const std::string& handoff_id,
                                                              int limit, const Eyes& eyes) {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  Query query(absl::StrCat("SELECT ", rows::EventColumns(), " FROM events WHERE "));
  query.Add("revision>?", static_cast<int64_t>(after));
  // The second condition lets SQLite see that the partial index fits.
  if (!handoff_id.empty()) query.Add(" AND handoff_id=? AND handoff_id<>''", handoff_id);
  AddEventEyes(query, eyes);
  query.Add(" ORDER BY revision LIMIT ?", std::max(0, limit));
  ASSIGN_OR_RETURN(Statement rows, query.Prepare(snapshot.db()));
  std::vector<core::Event> events;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return events;
    events.push_back(rows::ReadEvent(rows));
  }
}

absl::StatusOr<uint64_t> SqliteReader::LastRevision() {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  ASSIGN_OR_RETURN(const int64_t revision,
                   snapshot.db().QueryInt("SELECT ifnull(max(revision),0) FROM events"));
  return static_cast<uint64_t>(revision);
}

absl::StatusOr<std::string> SqliteReader::PoolId() {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   Texts(snapshot.db(), Query("SELECT pool_id FROM meta")));
  if (ids.size() == 1) return ids[0];
  return absl::DataLossError("the database does not name its pool");
}

absl::StatusOr<bool> SqliteReader::NeedsObject(const std::string& sha256) {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  // The second condition lets SQLite see that the partial index fits.
  Query query("SELECT id FROM handoffs WHERE pack_sha256<>'' AND ");
  query.Add("pack_sha256=?", sha256)
      .Add(" UNION ALL SELECT sha256 FROM objects_needed WHERE sha256=? LIMIT 1", sha256);
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, Texts(snapshot.db(), query));
  return !ids.empty();
}

absl::StatusOr<bool> SqliteReader::WasPurged(const std::string& id, const Eyes& eyes) {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  Query query("SELECT id FROM purged WHERE id=");
  AddPurgedEyes(query.Add("?", id), eyes);
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, Texts(snapshot.db(), query));
  return !ids.empty();
}

absl::StatusOr<std::vector<std::string>> SqliteReader::EndedBefore(absl::Time time, int limit) {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(*this));
  Query query("SELECT id FROM handoffs WHERE ");
  query.Add("rank=?", rows::kEndedRank)
      .Add(" AND position<? ORDER BY position", rows::ToNanos(time))
      .Add(" LIMIT ?", limit);
  return Texts(snapshot.db(), query);
}

}  // namespace handoff
