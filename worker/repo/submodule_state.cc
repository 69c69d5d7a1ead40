#include "worker/repo/submodule_state.h"

#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/git/objects.h"
#include "common/status.h"
#include "worker/repo/git_dir.h"
#include "worker/repo/tree_facts.h"

namespace handoff {
namespace {

constexpr size_t kNamed = 5;

bool Exists(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0;
}

bool IsInMirror(const PreparedSubmodule& submodule, const git_oid& commit) {
  auto odb = MakeObjectDatabase("");
  return odb.ok() &&
         AddObjects(odb->get(), absl::StrCat(submodule.mirror, "/objects"), false).ok() &&
         git_odb_exists(odb->get(), &commit) != 0;
}

// The first files that are in no commit of it; empty: none.
absl::StatusOr<std::string> Uncommitted(const std::string& directory,
                                        const PreparedSubmodule& submodule, const git_oid& head,
                                        RepoProgress& progress) {
  ASSIGN_OR_RETURN(const git_oid base, ParseOid(submodule.commit));
  ASSIGN_OR_RETURN(TreeFacts tree,
                   TreeFacts::Open(directory, {absl::StrCat(submodule.mirror, "/objects")},
                                   submodule.base_index, base));
  ASSIGN_OR_RETURN(const auto files, tree.Files(head, progress));
  std::vector<std::string> names;
  for (const FileFact& file : files) {
    if (!file.committed) names.push_back(file.path);
  }
  const size_t all = names.size();
  names.resize(std::min(all, kNamed));
  return absl::StrCat(absl::StrJoin(names, ", "), all > kNamed ? " and more" : "");
}

void NoteUncommitted(const std::string& directory, const PreparedSubmodule& submodule,
                     const git_oid& head, NoteList& notes, RepoProgress& progress) {
  const auto names = Uncommitted(directory, submodule, head, progress);
  if (names.ok() && names->empty()) return;
  notes.Add(absl::StrCat("changes in the submodule ", submodule.path, " are left out",
                         names.ok() ? ": " : "; which ones cannot be told: ",
                         names.ok() ? *names : std::string(names.status().message())));
}

// A submodule of a submodule: where it stands is for the commits of the one around it to say.
void NoteInner(const std::string& workspace, const PreparedSubmodule& submodule, NoteList& notes,
               RepoProgress& progress) {
  const std::string directory = absl::StrCat(workspace, "/", submodule.path);
  if (!Exists(absl::StrCat(directory, "/.git"))) return;
  const auto state = ReadHead(directory);
  const auto head = state.ok() ? ParseOid(state->commit) : absl::StatusOr<git_oid>(state.status());
  if (!head.ok() || OidText(*head) != submodule.commit) {
    notes.Add(absl::StrCat("commits in the submodule ", submodule.path, " are left out"));
  }
  if (head.ok()) NoteUncommitted(directory, submodule, *head, notes, progress);
}

}  // namespace

bool IsPlainFolder(const std::string& path) {
  if (Exists(absl::StrCat(path, "/.git"))) return false;
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
  const auto names = ListDirectory(path);
  return names.ok() && !names->empty();
}

git_oid SubmoduleCommit(const std::string& workspace, const std::string& path,
                        const git_oid& recorded, const std::vector<PreparedSubmodule>& prepared,
                        NoteList& notes, RepoProgress& progress) {
  const std::string directory = absl::StrCat(workspace, "/", path);
  if (!Exists(absl::StrCat(directory, "/.git"))) return recorded;
  const auto known = std::find_if(prepared.begin(), prepared.end(),
                                  [&](const auto& one) { return one.path == path; });
  if (known == prepared.end()) {
    notes.Add(absl::StrCat("the submodule ", path,
                           " was made by the agent: the checkpoint has its "
                           "commit ",
                           OidText(recorded).substr(0, 10),
                           ", which its origin must have; changes in it are left out"));
    return recorded;
  }
  const auto state = ReadHead(directory);
  const auto head = state.ok() ? ParseOid(state->commit) : absl::StatusOr<git_oid>(state.status());
  if (!head.ok()) {
    notes.Add(absl::StrCat("the submodule ", path, " cannot be read (", head.status().message(),
                           "); the checkpoint has it at ", known->commit.substr(0, 10)));
    return recorded;
  }
  NoteUncommitted(directory, *known, *head, notes, progress);
  for (const PreparedSubmodule& inner : prepared) {
    if (absl::StartsWith(inner.path, absl::StrCat(path, "/"))) {
      NoteInner(workspace, inner, notes, progress);
    }
  }
  const bool published = OidText(*head) == known->commit || IsInMirror(*known, *head);
  if (published) return *head;
  notes.Add(absl::StrCat("the submodule ", path, " stands on ", OidText(*head).substr(0, 10),
                         ", which is not at its origin; its commits are left out, and the "
                         "checkpoint has it at ",
                         known->commit.substr(0, 10)));
  const auto fallback = ParseOid(known->commit);
  return fallback.ok() ? *fallback : recorded;
}

}  // namespace handoff
