#include "worker/data_dir.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
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

}  // namespace handoff::worker
