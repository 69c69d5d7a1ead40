#include "coordinator/store/columns.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace handoff::rows {

int64_t ToNanos(absl::Time time) {
  return time == absl::InfiniteFuture() ? kForever : absl::ToUnixNanos(time);
}

std::string Insert(absl::string_view table, const std::vector<std::string>& names) {
  return absl::StrCat("INSERT INTO ", table, "(", absl::StrJoin(names, ","), ") VALUES(",
                      absl::StrJoin(std::vector<absl::string_view>(names.size(), "?"), ","), ")");
}

std::string Upsert(absl::string_view table, absl::string_view key,
                   const std::vector<std::string>& names, size_t first_mutable) {
  std::vector<std::string> sets;
  for (size_t i = first_mutable; i < names.size(); ++i) {
    sets.push_back(absl::StrCat(names[i], "=excluded.", names[i]));
  }
  return absl::StrCat(Insert(table, names), " ON CONFLICT(", key, ") DO UPDATE SET ",
                      absl::StrJoin(sets, ","));
}

}  // namespace handoff::rows
