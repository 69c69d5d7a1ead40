#include "common/git/objects.h"

#include <git2/sys/odb_backend.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kMaxAlternates = 5;

// Without this callback libgit2 asks only whether the object is there, and touches no file.
void LeaveTimesAlone(git_odb_backend* backend) { backend->freshen = nullptr; }

absl::Status Add(git_odb* odb, const std::string& directory, int depth) {
  git_odb_backend* loose = nullptr;
  git_odb_backend* packed = nullptr;
  const std::string what = absl::StrCat("opening the objects in ", directory);
  RETURN_IF_ERROR(GitStatus(git_odb_backend_loose(&loose, directory.c_str(), -1, 0, 0, 0), what));
  LeaveTimesAlone(loose);
  RETURN_IF_ERROR(GitStatus(git_odb_add_alternate(odb, loose, 1), what));
  RETURN_IF_ERROR(GitStatus(git_odb_backend_pack(&packed, directory.c_str()), what));
  LeaveTimesAlone(packed);
  RETURN_IF_ERROR(GitStatus(git_odb_add_alternate(odb, packed, 2), what));
  if (depth == 0) return absl::OkStatus();
  const auto alternates = ReadFile(absl::StrCat(directory, "/info/alternates"), 1 << 20);
  if (absl::IsNotFound(alternates.status())) return absl::OkStatus();
  RETURN_IF_ERROR(alternates);
  for (const absl::string_view line : absl::StrSplit(*alternates, '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    const std::string path =
        line[0] == '/' ? std::string(line) : absl::StrCat(directory, "/", line);
    if (PathExists(path)) RETURN_IF_ERROR(Add(odb, path, depth - 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GitOdb> MakeObjectDatabase(const std::string& fresh) {
  GitOdb odb;
  RETURN_IF_ERROR(GitStatus(git_odb_new(odb.out()), "making an object database"));
  if (fresh.empty()) return odb;
  RETURN_IF_ERROR(MakeDirectories(absl::StrCat(fresh, "/pack")));
  git_odb_backend* loose = nullptr;
  git_odb_backend* packed = nullptr;
  const std::string what = absl::StrCat("opening the objects in ", fresh);
  RETURN_IF_ERROR(GitStatus(git_odb_backend_loose(&loose, fresh.c_str(), 1, 0, 0, 0), what));
  RETURN_IF_ERROR(GitStatus(git_odb_add_backend(odb.get(), loose, 3), what));
  RETURN_IF_ERROR(GitStatus(git_odb_backend_pack(&packed, fresh.c_str()), what));
  RETURN_IF_ERROR(GitStatus(git_odb_add_backend(odb.get(), packed, 4), what));
  return odb;
}

absl::Status AddObjects(git_odb* odb, const std::string& directory, bool follow_alternates) {
  return Add(odb, directory, follow_alternates ? kMaxAlternates : 0);
}

absl::Status CheckObjectDirectory(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const fs::file_status status = it->symlink_status(error);
    if (status.type() == fs::file_type::not_found) {  // gone since it was listed
      error.clear();
      continue;
    }
    if (error) break;
    if (fs::is_directory(status) || fs::is_regular_file(status)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        it->path().string(), " is neither a file nor a directory; the repository was not read"));
  }
  if (error) return ErrnoToStatus(error.value(), absl::StrCat("looking through ", directory));
  return absl::OkStatus();
}

}  // namespace handoff
