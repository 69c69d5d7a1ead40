// SQLite behind types that own: a connection and its prepared statements. Errors are Status, with
// the codes that the store promises: RESOURCE_EXHAUSTED for a full disk, UNAVAILABLE for busy,
// DATA_LOSS for a damaged file. Not thread-safe: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace handoff {

// Parameters count from 1, columns from 0. A failed Bind shows at the next Step. Bound text is not
// copied: it must stay until the statement was stepped to its end or reset.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void Bind(int index, int64_t value);
  void BindText(int index, absl::string_view text);
  void BindCopy(int index, absl::string_view text);  // the exception: copied
  void BindBlob(int index, absl::string_view bytes);
  void BindNull(int index);

  absl::StatusOr<bool> Step();  // true: there is a row
  absl::Status Run();           // for a statement without rows; ready to be bound again
  void Reset();

  bool IsNull(int column) const;
  int64_t Int(int column) const;
  std::string Bytes(int column) const;  // of text or blob

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_error_ = 0;
};

class Database {
 public:
  enum class Access { kWriter, kReader };

  // A writer makes the file; WAL, every commit synced. A reader needs the file, never writes and
  // never checkpoints: before SQLite 3.51.3 a second checkpointing connection can damage the file.
  static absl::StatusOr<Database> Open(const std::string& path, Access access);

  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  absl::Status Execute(const std::string& sql);  // any number of statements without parameters
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);
  bool in_transaction() const;

  // Pages in the write-ahead log after the last commit of this connection.
  int wal_pages() const { return watch_->wal_pages; }
  // Moves the log's pages into the file. `whole` waits for readers (bounded), so that the log
  // starts again at its beginning.
  absl::Status Checkpoint(bool whole);

  // Further work of this connection ends with RESOURCE_EXHAUSTED after about `operations` steps of
  // SQLite's machine (some ten a row looked at); 0: no limit.
  void LimitWork(int64_t operations);

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  struct Watch {  // what SQLite's callbacks write to; stays where it is when the Database moves
    int wal_pages = 0;
    int64_t operations_left = 0;
  };
  Database(std::unique_ptr<sqlite3, Close> db, std::unique_ptr<Watch> watch);

  std::unique_ptr<Watch> watch_;  // outlives db_
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace handoff
