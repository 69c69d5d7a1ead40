#include "cli/snapshot/work_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/held_back.h"
#include "cli/snapshot/includes.h"
#include "cli/snapshot/submodule_state.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::string_view kOurs = ".cursor/agent-handoffs";
constexpr size_t kNamed = 5;

bool IsOurs(absl::string_view path) {
  return absl::ConsumePrefix(&path, kOurs) && (path.empty() || path[0] == '/');
}

absl::Status RefuseConflicts(git_index* index, const std::string& other_way) {
  if (git_index_has_conflicts(index) == 0) return absl::OkStatus();
  std::vector<std::string> names;
  for (size_t i = 0; i < git_index_entrycount(index); ++i) {
    const git_index_entry* entry = git_index_get_byindex(index, i);
    if (git_index_entry_stage(entry) == 0) continue;
    if (names.empty() || names.back() != entry->path) names.emplace_back(entry->path);
  }
  const size_t all = names.size();
  names.resize(std::min(all, kNamed));
  return absl::FailedPreconditionError(absl::StrCat(
      "a merge is not finished: ", absl::StrJoin(names, ", "), all > kNamed ? " and more" : "",
      " still have conflicts. Nothing was sent; resolve them", other_way));
}

absl::Status Add(git_index* index, const std::string& path, uint32_t mode, const git_oid& id) {
  git_index_entry entry = {};
  entry.path = path.c_str();
  entry.mode = mode;
  entry.id = id;
  return GitStatus(git_index_add(index, &entry), path);
}

}  // namespace

absl::StatusOr<WorkState> WorkStateReader::Read(git_tree* head) {
  const absl::Status opened = GitStatus(git_repository_index(index_.out(), repo_),
                                        "the index of this repository cannot be read here");
  if (!opened.ok()) {  // split or sparse, as a rule
    return absl::FailedPreconditionError(absl::StrCat(
        opened.message(),
        ". Nothing was sent; write the index in git's default format (git update-index "
        "--no-split-index, git sparse-checkout reapply --no-sparse-index)",
        options_.other_way));
  }
  RETURN_IF_ERROR(RefuseConflicts(index_.get(), options_.other_way));
  RETURN_IF_ERROR(CopyIndex(head));
  ASSIGN_OR_RETURN(const WorkTree tree,
                   WorkTree::Open(repo_, index_.get(), git_index_path(index_.get())));
  ASSIGN_OR_RETURN(const auto changes, tree.Changes(nullptr));
  RETURN_IF_ERROR(CleanFiles(changes));
  for (const PathChange& change : changes) {
    if (!IsOurs(change.path)) RETURN_IF_ERROR(Take(tree, change));
  }
  NoteIntended();
  RETURN_IF_ERROR(GitStatus(git_index_write_tree_to(&state_.index_tree, staged_.get(), repo_),
                            "writing the tree of the index"));
  RETURN_IF_ERROR(GitStatus(git_index_write_tree_to(&state_.work_tree, work_.get(), repo_),
                            "writing the tree of the work tree"));
  return std::move(state_);
}

// Together, since each question to git is a process. Of files that are likely held back nothing is
// asked yet.
absl::Status WorkStateReader::CleanFiles(const std::vector<PathChange>& changes) {
  std::vector<std::string> paths;
  for (const PathChange& change : changes) {
    const bool is_new = change.state == PathState::kUntracked && change.size <= options_.huge_bytes;
    const bool file = change.mode != GIT_FILEMODE_LINK && !IsOurs(change.path);
    if (file && (is_new || change.state == PathState::kModified)) paths.push_back(change.path);
  }
  return filters_.Clean(paths);
}

absl::Status WorkStateReader::CopyIndex(git_tree* head) {
  RETURN_IF_ERROR(GitStatus(git_index_new(head_.out()), "listing the files of HEAD"));
  RETURN_IF_ERROR(GitStatus(git_index_read_tree(head_.get(), head), "listing the files of HEAD"));
  RETURN_IF_ERROR(GitStatus(git_index_new(staged_.out()), "copying the index"));
  RETURN_IF_ERROR(GitStatus(git_index_new(work_.out()), "copying the index"));
  size_t sparse = 0;
  for (size_t i = 0; i < git_index_entrycount(index_.get()); ++i) {
    const git_index_entry& entry = *git_index_get_byindex(index_.get(), i);
    const std::string path = entry.path;
    if (IsOurs(path) && !InHead(path)) continue;
    if (IsSparse(entry)) ++sparse;
    // The promise of a file: the index has no content for it, the work tree has.
    if ((entry.flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) != 0) {
      intended_.push_back(path);
      continue;
    }
    ASSIGN_OR_RETURN(const std::string why, ReasonToHold(entry));
    if (!why.empty()) {
      HoldBack(path, why);
      continue;
    }
    RETURN_IF_ERROR(Add(staged_.get(), path, entry.mode, entry.id));
    RETURN_IF_ERROR(Add(work_.get(), path, entry.mode, entry.id));
  }
  if (sparse > 0) {
    state_.notes.push_back(absl::StrCat(
        sparse, " files are outside of your sparse checkout; the worker checks them out as well"));
  }
  return absl::OkStatus();
}

// Of what is staged and was never committed: a `git add .` is no decision to hand a secret over.
absl::StatusOr<std::string> WorkStateReader::ReasonToHold(const git_index_entry& entry) const {
  const std::string path = entry.path;
  if (entry.mode == GIT_FILEMODE_COMMIT || InHead(path) || Included(path)) return "";
  std::string why = SecretByName(path);
  if (!why.empty()) return why;
  const std::string what = absl::StrCat("reading what is staged of ", path);
  size_t size = 0;
  git_object_t type;
  RETURN_IF_ERROR(GitStatus(git_odb_read_header(&size, &type, odb_, &entry.id), what));
  if (size > options_.huge_bytes) return TooLarge(size);
  GitOdbObject blob;
  RETURN_IF_ERROR(GitStatus(git_odb_read(blob.out(), odb_, &entry.id), what));
  const absl::string_view content(static_cast<const char*>(git_odb_object_data(blob.get())),
                                  git_odb_object_size(blob.get()));
  return SecretByContent(path, content);
}

// The same for what is in the work tree alone.
std::string WorkStateReader::ReasonToHold(const WorkTree& tree, const PathChange& change) const {
  if (InHead(change.path) || Included(change.path)) return "";
  std::string why = SecretByName(change.path);
  if (!why.empty()) return why;
  if (change.size > options_.huge_bytes) return TooLarge(change.size);
  const auto content = tree.Load(change.path);
  return content.ok() ? SecretByContent(change.path, content->raw) : "";
}

void WorkStateReader::HoldBack(const std::string& path, const std::string& why) {
  state_.held_back.push_back(absl::StrCat(path, ": ", why));
  withheld_.insert(path);
}

void WorkStateReader::NoteIntended() {
  std::erase_if(intended_, [this](const auto& path) { return withheld_.contains(path); });
  if (intended_.empty()) return;
  const size_t all = intended_.size();
  intended_.resize(std::min(all, kNamed));
  state_.notes.push_back(absl::StrCat(absl::StrJoin(intended_, ", "),
                                      all > kNamed ? " and more" : "",
                                      ": added with --intent-to-add; untracked on the worker"));
}

absl::Status WorkStateReader::Take(const WorkTree& tree, const PathChange& change) {
  if (AssumedUnchanged(change)) {
    state_.notes.push_back(absl::StrCat(change.path, ": assume-unchanged; sent as in the index"));
    return absl::OkStatus();
  }
  switch (change.state) {
    case PathState::kDeleted:
      git_index_remove(work_.get(), change.path.c_str(), 0);
      return absl::OkStatus();
    case PathState::kModified:
      return TakeModified(tree, change);
    case PathState::kUntracked:
      return TakeUntracked(tree, change);
    case PathState::kIgnored:
      if (!absl::EndsWith(change.path, "/") && Included(change.path)) {
        return TakeUntracked(tree, change);
      }
      if (!Included(change.path)) state_.ignored.push_back(change.path);
      return TakeIncludedBelow(tree, change.path);
    case PathState::kSkipped:
      state_.notes.push_back(absl::StrCat(change.path, ": skip-worktree; sent as in the index"));
      return absl::OkStatus();
    case PathState::kNested:
      state_.notes.push_back(
          absl::StrCat(change.path, " is a repository of its own and is not sent"));
      return absl::OkStatus();
    case PathState::kSubmodule:
      return TakeSubmodule(change);
    case PathState::kUnreadable:
      state_.notes.push_back(
          absl::StrCat(change.path, " cannot be read (", change.reason, ") and is ",
                       change.in_index ? "sent as it is in the index" : "not sent"));
      return absl::OkStatus();
    case PathState::kSpecial:
      state_.notes.push_back(
          absl::StrCat(change.path, " is a FIFO, socket or device and is not sent"));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status WorkStateReader::TakeModified(const WorkTree& tree, const PathChange& change) {
  if (withheld_.contains(change.path)) return absl::OkStatus();
  if (change.mode != GIT_FILEMODE_LINK && filters_.Apply(change.path)) {
    const auto id = filters_.Cleaned(change.path);
    if (!id.ok()) {
      HoldBack(change.path, absl::StrCat("its filter failed (", id.status().message(), ")"));
      return absl::OkStatus();
    }
    if (IsStored(change, *id)) return absl::OkStatus();
  }
  const std::string why = ReasonToHold(tree, change);
  if (why.empty()) return TakeFile(tree, change);
  HoldBack(change.path, why);
  return absl::OkStatus();
}

absl::Status WorkStateReader::TakeUntracked(const WorkTree& tree, const PathChange& change) {
  const std::string why = ReasonToHold(tree, change);
  if (!why.empty()) {
    HoldBack(change.path, why);
    return absl::OkStatus();
  }
  const size_t before = state_.sent.size();
  RETURN_IF_ERROR(TakeFile(tree, change));
  if (state_.sent.size() > before) state_.untracked.push_back(change.path);
  return absl::OkStatus();
}

absl::Status WorkStateReader::TakeFile(const WorkTree& tree, const PathChange& change) {
  if (change.size > options_.huge_bytes && !Included(change.path)) {
    HoldBack(change.path, TooLarge(change.size));
    return absl::OkStatus();
  }
  if (change.mode != GIT_FILEMODE_LINK && filters_.Apply(change.path)) {
    const auto id = filters_.Cleaned(change.path);
    if (id.ok()) return Put({change.path, *id, true, true}, change.mode);
    HoldBack(change.path, absl::StrCat("its filter failed (", id.status().message(), ")"));
    return absl::OkStatus();
  }
  if (change.size > WorkTree::kLoadLimit) return TakeLargeFile(tree, change);
  const auto content = tree.Load(change.path);
  if (!content.ok()) {
    state_.notes.push_back(
        absl::StrCat(std::string(content.status().message()), "; it is ",
                     change.in_index ? "sent as it is in the index" : "not sent"));
    return absl::OkStatus();
  }
  git_oid id;
  RETURN_IF_ERROR(GitStatus(
      git_odb_write(&id, odb_, content->blob.data(), content->blob.size(), GIT_OBJECT_BLOB),
      change.path));
  return Put({change.path, id, content->converted, false}, change.mode);
}

// In pieces, as it is on disk: git's conversions are for text, which this is not.
absl::Status WorkStateReader::TakeLargeFile(const WorkTree& tree, const PathChange& change) {
  ASSIGN_OR_RETURN(const UniqueFd fd, tree.OpenForRead(change.path));
  git_odb_stream* stream = nullptr;
  RETURN_IF_ERROR(
      GitStatus(git_odb_open_wstream(&stream, odb_, change.size, GIT_OBJECT_BLOB), change.path));
  std::string buffer(1 << 20, '\0');
  git_oid id = {};
  int result = 0;
  uint64_t total = 0;
  while (result == 0) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    total += static_cast<uint64_t>(n);
    result = git_odb_stream_write(stream, buffer.data(), static_cast<size_t>(n));
  }
  if (result == 0 && total == change.size) result = git_odb_stream_finalize_write(&id, stream);
  git_odb_stream_free(stream);
  if (total != change.size) {
    return absl::AbortedError(
        absl::StrCat(change.path, " changes while it is read; nothing was sent"));
  }
  RETURN_IF_ERROR(GitStatus(result, change.path));
  return Put({change.path, id, false, false}, change.mode);
}

absl::Status WorkStateReader::TakeSubmodule(const PathChange& change) {
  const std::string path = absl::StrCat(git_repository_workdir(repo_), change.path);
  ASSIGN_OR_RETURN(const SubmoduleState submodule, ReadSubmodule(path));
  if (!submodule.initialised) return absl::OkStatus();
  if (!SubmoduleHasUrl(repo_, change.path)) {
    state_.notes.push_back(absl::StrCat("the submodule ", change.path,
                                        " has no url in .gitmodules; its folder is empty on the "
                                        "worker"));
  }
  if (!submodule.changes.empty()) {
    const std::string what = absl::StrCat("the submodule ", change.path,
                                          " has changes: ", absl::StrJoin(submodule.changes, ", "));
    if (SubmoduleChangesMatter(repo_, change.path)) {
      return absl::FailedPreconditionError(absl::StrCat(
          what, ". They cannot be carried and nothing was sent; commit and push them there",
          options_.other_way));
    }
    state_.notes.push_back(absl::StrCat(what, "; they are not sent"));
  }
  if (!submodule.published) {
    state_.notes.push_back(absl::StrCat("the submodule ", change.path, " stands on ",
                                        OidText(submodule.head).substr(0, 10),
                                        ", which is on none of its remote branches; push it, or "
                                        "the worker cannot fetch it"));
  }
  return SameOid(submodule.head, change.id)
             ? absl::OkStatus()
             : Add(work_.get(), change.path, GIT_FILEMODE_COMMIT, submodule.head);
}

// Files below an ignored folder that the person asked for by name.
absl::Status WorkStateReader::TakeIncludedBelow(const WorkTree& tree, const std::string& ignored) {
  namespace fs = std::filesystem;
  if (!MayEnter(ignored)) return absl::OkStatus();
  const std::string root = git_repository_workdir(repo_);
  std::error_code error;
  for (fs::recursive_directory_iterator
           it(root + ignored, fs::directory_options::skip_permission_denied, error),
       end;
       !error && it != end; it.increment(error)) {
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
      continue;
    }
    const std::string path = it->path().string().substr(root.size());
    std::error_code gone;
    const fs::file_status status = it->symlink_status(gone);
    if (fs::is_directory(status)) {
      if (!MayEnter(absl::StrCat(path, "/"))) it.disable_recursion_pending();
      continue;
    }
    const bool sends = fs::is_regular_file(status) || fs::is_symlink(status);
    if (!sends || !Included(path) || IsOurs(path)) continue;
    PathChange change;
    change.path = path;
    const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
    change.mode = fs::is_symlink(status) ? GIT_FILEMODE_LINK
                  : executable           ? GIT_FILEMODE_BLOB_EXECUTABLE
                                         : GIT_FILEMODE_BLOB;
    change.size = fs::is_symlink(status) ? 0 : it->file_size(gone);
    if (!gone) RETURN_IF_ERROR(TakeUntracked(tree, change));
  }
  if (error) {
    state_.notes.push_back(absl::StrCat(ignored, " cannot be read to its end (", error.message(),
                                        "); the rest of it is not sent"));
  }
  return absl::OkStatus();
}

// An ignored folder is often huge: only where the person asked for something in it.
bool WorkStateReader::MayEnter(const std::string& folder) {
  if (!absl::EndsWith(folder, "/") || !IncludesBelow(folder, options_.include)) {
    return false;
  }
  const std::string path = absl::StrCat(git_repository_workdir(repo_), folder);
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) == 0) return true;
  state_.notes.push_back(
      absl::StrCat(folder, " cannot be read (", std::strerror(errno), ") and is not sent"));
  return false;
}

// A name that git takes for a trick (`git~1`, `.GIT`) is no reason to send nothing at all; only
// untracked files have one.
absl::Status WorkStateReader::Put(SentFile file, uint32_t mode) {
  const absl::Status added = Add(work_.get(), file.path, mode, file.id);
  if (added.ok()) {
    state_.sent.push_back(std::move(file));
  } else {
    state_.notes.push_back(
        absl::StrCat(file.path, " has a name that git does not track, and is not sent"));
  }
  return absl::OkStatus();
}

bool WorkStateReader::IsStored(const PathChange& change, const git_oid& id) const {
  const git_index_entry* entry = git_index_get_bypath(index_.get(), change.path.c_str(), 0);
  return entry != nullptr && entry->mode == change.mode && SameOid(entry->id, id) &&
         (entry->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) == 0;
}

bool WorkStateReader::IsSparse(const git_index_entry& entry) const {
  struct stat info;
  const std::string path = absl::StrCat(git_repository_workdir(repo_), entry.path);
  return (entry.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0 &&
         ::lstat(path.c_str(), &info) != 0;
}

std::string WorkStateReader::TooLarge(uint64_t size) const {
  return absl::StrCat(HumanBytes(size), ", more than ", HumanBytes(options_.huge_bytes));
}

bool WorkStateReader::InHead(const std::string& path) const {
  return git_index_get_bypath(head_.get(), path.c_str(), 0) != nullptr;
}

// The walk sees through the bit, since an agent could hide its changes with it. A person sets it to
// keep changes to themselves.
bool WorkStateReader::AssumedUnchanged(const PathChange& change) const {
  if (change.state != PathState::kModified && change.state != PathState::kDeleted) return false;
  if (withheld_.contains(change.path)) return false;
  const git_index_entry* entry = git_index_get_bypath(index_.get(), change.path.c_str(), 0);
  return entry != nullptr && (entry->flags & GIT_INDEX_ENTRY_VALID) != 0;
}

bool WorkStateReader::Included(const std::string& path) const {
  return IsIncluded(path, options_.include);
}

}  // namespace handoff
