// The coordinator's data directory, locked for this process as long as the object lives: one
// coordinator a directory. Names where everything in it lies.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace handoff {

class DataDirectory {
 public:
  // Makes it when absent. FAILED_PRECONDITION when another coordinator has it.
  static absl::StatusOr<DataDirectory> Open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string database() const { return path_ + "/handoff.db"; }
  std::string logs() const { return path_ + "/logs"; }
  std::string notify() const { return path_ + "/notify"; }
  std::string objects() const { return path_ + "/objects"; }
  std::string identity() const { return path_ + "/identity"; }

 private:
  DataDirectory(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace handoff
