#include "coordinator/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/unique_fd.h"

namespace handoff {
namespace {

constexpr int kBusyTimeoutMs = 2000;
constexpr int kOperationsBetweenChecks = 10'000;

absl::Status ToStatus(sqlite3* db, int code, absl::string_view what) {
  const std::string message =
      absl::StrCat("database: ", what, what.empty() ? "" : ": ",
                   db != nullptr && sqlite3_extended_errcode(db) == code ? sqlite3_errmsg(db)
                                                                         : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(message, "; free space on its disk"));
    case SQLITE_IOERR:
      if (db != nullptr && sqlite3_system_errno(db) == ENOSPC) {
        return absl::ResourceExhaustedError(absl::StrCat(message, "; free space on its disk"));
      }
      return absl::InternalError(absl::StrCat(message, " (", code, ")"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    case SQLITE_INTERRUPT:
      return absl::ResourceExhaustedError(
          "the search would look at too many records; nothing was changed; narrow it, for "
          "example by a full id or an owner");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(absl::StrCat(message, "; restore the data directory"));
    default:
      return absl::InternalError(absl::StrCat(message, " (", code, ")"));
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::Bind(int index, int64_t value) {
  bind_error_ |= sqlite3_bind_int64(statement_.get(), index, value);
}

void Statement::BindText(int index, absl::string_view text) {
  // A null pointer would bind NULL: an empty view may have one.
  bind_error_ |= sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(),
                                     text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::BindCopy(int index, absl::string_view text) {
  bind_error_ |= sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(),
                                     text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::BindBlob(int index, absl::string_view bytes) {
  bind_error_ |= sqlite3_bind_blob64(statement_.get(), index, bytes.empty() ? "" : bytes.data(),
                                     bytes.size(), SQLITE_STATIC);
}

void Statement::BindNull(int index) { bind_error_ |= sqlite3_bind_null(statement_.get(), index); }

absl::StatusOr<bool> Statement::Step() {
  sqlite3* const db = sqlite3_db_handle(statement_.get());
  if (bind_error_ != SQLITE_OK) return ToStatus(nullptr, bind_error_, "binding a value");
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  absl::Status status = ToStatus(db, sqlite3_extended_errcode(db), "");
  Reset();
  return status;
}

absl::Status Statement::Run() {
  const absl::StatusOr<bool> row = Step();
  Reset();
  return row.status();
}

void Statement::Reset() {
  bind_error_ = SQLITE_OK;
  sqlite3_reset(statement_.get());
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::Bytes(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  if (data == nullptr) return "";
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

// Tasks, tokens' hashes and what is private are in it, and SQLite makes files that everybody may
// read; those beside it get the mode of the database. Never opened when it is there: closing it
// again would end the locks of this process's other connections.
absl::Status MakePrivate(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string file = absl::StrCat(path, suffix);
    if (::chmod(file.c_str(), 0600) != 0 && errno != ENOENT) return ErrnoToStatus(errno, file);
  }
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.valid() && errno != EEXIST) return ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

void Database::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Database::Database(std::unique_ptr<sqlite3, Close> db, std::unique_ptr<Watch> watch)
    : watch_(std::move(watch)), db_(std::move(db)) {}

absl::StatusOr<Database> Database::Open(const std::string& path, Access access) {
  const bool writer = access == Access::kWriter;
  const int flags = (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (writer) RETURN_IF_ERROR(MakePrivate(path));
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<sqlite3, Close> owned(raw);
  if (code != SQLITE_OK) return ToStatus(raw, code, absl::StrCat("opening ", path));

  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  Database database(std::move(owned), std::make_unique<Watch>());
  if (writer) {
    RETURN_IF_ERROR(database.Execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
        "PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;"));
    // The automatic checkpoint would hide a failed sync: the store makes its own.
    sqlite3_wal_hook(
        raw,
        [](void* watch, sqlite3*, const char*, int pages) {
          static_cast<Watch*>(watch)->wal_pages = pages;
          return SQLITE_OK;
        },
        database.watch_.get());
  } else {
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    RETURN_IF_ERROR(database.Execute(
        "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-2048;"
        "PRAGMA temp_store=MEMORY;"));
  }
  return database;
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return ToStatus(db_.get(), code, absl::StrCat("preparing ", sql));
  return Statement(raw);
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(db_.get(), code, "");
}

absl::StatusOr<int64_t> Database::QueryInt(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::NotFoundError(absl::StrCat("database: no row for ", sql));
  return statement.Int(0);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

absl::Status Database::Checkpoint(bool whole) {
  const int mode = whole ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_.get(), nullptr, mode, nullptr, nullptr);
  // Busy: a reader still looks at old pages; the next checkpoint goes on from there.
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return absl::OkStatus();
  return ToStatus(db_.get(), code, "checkpoint");
}

void Database::LimitWork(int64_t operations) {
  watch_->operations_left = operations;
  if (operations == 0) {
    sqlite3_progress_handler(db_.get(), 0, nullptr, nullptr);
    return;
  }
  sqlite3_progress_handler(
      db_.get(), kOperationsBetweenChecks,
      [](void* watch) {
        return (static_cast<Watch*>(watch)->operations_left -= kOperationsBetweenChecks) < 0 ? 1
                                                                                             : 0;
      },
      watch_.get());
}

}  // namespace handoff
