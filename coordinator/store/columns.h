// The columns of a record, named, bound and read by one list each: a function that visits its
// fields in order. See rows.cc.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/core/attempt_state.h"
#include "coordinator/store/column_text.h"
#include "coordinator/store/sqlite.h"

namespace handoff::rows {

inline constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

// Nanoseconds since 1970 as the columns hold them.
int64_t ToNanos(absl::Time time);

struct Names {
  std::vector<std::string> names;
  template <typename T>
  void operator()(const char* name, const T&) {
    names.emplace_back(name);
  }
};

class Binder {
 public:
  explicit Binder(Statement& statement) : statement_(statement) {}

  void operator()(const char*, const std::string& v) { statement_.BindText(++index_, v); }
  void operator()(const char*, const std::map<std::string, std::string>& v) { Copy(Encode(v)); }
  void operator()(const char*, const std::set<std::string>& v) { Copy(Encode(v)); }
  void operator()(const char*, const std::vector<std::string>& v) { Copy(Encode(v)); }
  void operator()(const char*, absl::Duration v) {
    statement_.Bind(++index_, absl::ToInt64Nanoseconds(v));
  }
  void operator()(const char*, absl::Time v) {
    ++index_;
    if (v == absl::InfinitePast()) {
      statement_.BindNull(index_);
    } else {
      statement_.Bind(index_, ToNanos(v));
    }
  }
  void operator()(const char*, const std::optional<int>& v) {
    ++index_;
    if (v.has_value()) {
      statement_.Bind(index_, *v);
    } else {
      statement_.BindNull(index_);
    }
  }
  void operator()(const char*, core::AttemptState v) {
    // That it runs is what its worker said last: after a start of the coordinator it is leased.
    if (v == core::AttemptState::kRunning) v = core::AttemptState::kLeased;
    statement_.Bind(++index_, static_cast<int64_t>(v));
  }
  template <typename T>
  void operator()(const char*, const T& v) {
    statement_.Bind(++index_, static_cast<int64_t>(v));
  }
  void Blob(absl::string_view v) { statement_.BindBlob(++index_, v); }

 private:
  void Copy(const std::string& v) { statement_.BindCopy(++index_, v); }
  Statement& statement_;
  int index_ = 0;
};

class Taker {
 public:
  explicit Taker(const Statement& row) : row_(row) {}

  void operator()(const char*, std::string& v) { v = row_.Bytes(column_++); }
  void operator()(const char*, std::map<std::string, std::string>& v) {
    Decode(row_.Bytes(column_++), v);
  }
  void operator()(const char*, std::set<std::string>& v) { Decode(row_.Bytes(column_++), v); }
  void operator()(const char*, std::vector<std::string>& v) { Decode(row_.Bytes(column_++), v); }
  void operator()(const char*, absl::Duration& v) {
    const int64_t nanos = row_.Int(column_++);
    v = nanos == kForever ? absl::InfiniteDuration() : absl::Nanoseconds(nanos);
  }
  void operator()(const char*, absl::Time& v) {
    const int column = column_++;
    const int64_t nanos = row_.Int(column);
    v = row_.IsNull(column) ? absl::InfinitePast()
        : nanos == kForever ? absl::InfiniteFuture()
                            : absl::FromUnixNanos(nanos);
  }
  void operator()(const char*, std::optional<int>& v) {
    const int column = column_++;
    if (!row_.IsNull(column)) v = static_cast<int>(row_.Int(column));
  }
  template <typename T>
  void operator()(const char*, T& v) {
    v = static_cast<T>(row_.Int(column_++));
  }

 private:
  const Statement& row_;
  int column_ = 0;
};

template <typename Record, typename Visit>
std::vector<std::string> NamesOf(Visit visit) {
  Names names;
  const Record record{};
  visit(names, record);
  return std::move(names.names);
}

// "INSERT INTO table(names) VALUES(?,…)"
std::string Insert(absl::string_view table, const std::vector<std::string>& names);
// Columns from `first_mutable` on are written again when the row exists.
std::string Upsert(absl::string_view table, absl::string_view key,
                   const std::vector<std::string>& names, size_t first_mutable);

}  // namespace handoff::rows
