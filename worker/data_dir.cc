#include "worker/data_dir.h"

#include <limits.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/only_ours.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

constexpr absl::string_view kKeySuffix = ".key";

std::vector<std::string> Names(const std::string& directory) {
  auto names = ListDirectory(directory);
  return names.ok() ? *std::move(names) : std::vector<std::string>{};
}

}  // namespace

// A key is a URL of any length; its hash is a name on any file system.
std::string DataDir::mirror(absl::string_view repo_key) const {
  return absl::StrCat(mirrors(), "/", Sha256Hex(repo_key).substr(0, 24));
}

absl::Status DataDir::Make() const {
  for (const std::string& directory :
       {attempts(), workspaces(), mirrors(), trash(), root_ + "/objects-cache"}) {
    RETURN_IF_ERROR(MakeDirectories(directory));
  }
  return absl::OkStatus();
}

absl::Status DataDir::NoteMirror(absl::string_view repo_key) const {
  const std::string path = absl::StrCat(mirror(repo_key), kKeySuffix);
  return PathExists(path) ? absl::OkStatus() : WriteFileAtomically(path, repo_key);
}

std::vector<std::string> DataDir::MirrorKeys() const {
  std::vector<std::string> keys;
  for (const std::string& name : Names(mirrors())) {
    if (!absl::EndsWith(name, kKeySuffix)) continue;
    auto key = ReadFile(absl::StrCat(mirrors(), "/", name));
    if (key.ok() && PathExists(mirror(*key))) keys.push_back(*std::move(key));
  }
  return keys;
}

std::vector<std::string> DataDir::CheckedOut() const {
  std::vector<std::string> ids;
  for (std::string& id : Names(workspaces())) {
    if (PathExists(store(id))) ids.push_back(std::move(id));
  }
  return ids;
}

absl::Status RefuseCoordinators(const std::string& data_dir) {
  if (!PathExists(data_dir + "/handoff.db")) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      data_dir,
      " is the data directory of a coordinator. Nothing was started: give this worker a "
      "--data-dir of its own."));
}

absl::StatusOr<ClaimedDir> ClaimDataDir(const std::string& path) {
  RETURN_IF_ERROR(MakeDirectories(path));
  RETURN_IF_ERROR(CheckOnlyOursToWrite(path));
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) return ErrnoToStatus(errno, path);
  DataDir data(resolved);
  RETURN_IF_ERROR(RefuseCoordinators(data.root()));
  auto lock = LockFile(data.lock());
  if (absl::IsFailedPrecondition(lock.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "another worker daemon uses ", data.root(),
        ". Nothing was started: stop that one, or give this one a --data-dir of its own."));
  }
  RETURN_IF_ERROR(lock.status());
  return ClaimedDir{std::move(data), *std::move(lock)};
}

}  // namespace handoff::worker
