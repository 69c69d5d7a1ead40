// A small TOML file with known keys: a key that nobody knows is an error that names it, since a
// misspelt one would otherwise be silently without effect.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

// `text` between quotes, as such a file has it.
std::string TomlString(absl::string_view text);

class TomlFile {
 public:
  // NOT_FOUND when absent; INVALID_ARGUMENT with file and line for anything else that is wrong.
  // Nothing but a file is read: another's repository may have put a FIFO there. `refused`: keys
  // that may not stand in it, each with what to do instead.
  static absl::StatusOr<TomlFile> Read(const std::string& path,
                                       std::initializer_list<absl::string_view> known,
                                       const std::map<std::string, std::string>& refused = {});
  TomlFile(TomlFile&&) noexcept;
  ~TomlFile();

  absl::StatusOr<std::optional<std::string>> String(absl::string_view key) const;
  absl::StatusOr<std::optional<int64_t>> Integer(absl::string_view key) const;
  absl::StatusOr<std::optional<bool>> Boolean(absl::string_view key) const;
  // An array of strings; empty when absent.
  absl::StatusOr<std::vector<std::string>> List(absl::string_view key) const;
  // A table of strings; empty when absent.
  absl::StatusOr<std::map<std::string, std::string>> Strings(absl::string_view key) const;

 private:
  struct Impl;
  explicit TomlFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
