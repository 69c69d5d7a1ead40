#include "common/git/work_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <git2/sys/filter.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/git/encoding.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr uint64_t kMaxRuleFile = 16 << 20;  // .gitignore and .gitattributes are read whole
constexpr int kStageMask = 0x3000;

// Below `root`, through no symlink, without waiting for the other end of a FIFO.
absl::StatusOr<UniqueFd> OpenBelow(int root, const std::string& path, uint64_t flags) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  long fd;
  do {
    fd = ::syscall(SYS_openat2, root, name, &how, sizeof(how));
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  if (fd < 0) return ErrnoToStatus(errno, absl::StrCat("opening ", path));
  return UniqueFd(static_cast<int>(fd));
}

bool SameTime(const git_index_time& time, const timespec& stat_time) {
  if (time.seconds != static_cast<int32_t>(stat_time.tv_sec)) return false;
  return time.nanoseconds == 0 || time.nanoseconds == static_cast<uint32_t>(stat_time.tv_nsec);
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path, uint64_t limit) {
  std::string content;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", path));
    if (n == 0) return content;
    content.append(buffer, static_cast<size_t>(n));
    if (content.size() > limit) {
      return absl::FailedPreconditionError(absl::StrCat(path, " grows while it is read"));
    }
  }
}

absl::StatusOr<std::string> ReadLinkAt(int root, const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t n = ::readlinkat(root, path.c_str(), target.data(), target.size());
  if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading the symlink ", path));
  target.resize(static_cast<size_t>(n));
  return target;
}

// `git sparse-checkout` keeps its settings in a file of the work tree's own, which libgit2 1.5 does
// not read.
bool IsSparse(git_repository* repo) {
  GitConfig config, own;
  const std::string file = absl::StrCat(git_repository_path(repo), "config.worktree");
  int sparse = 0, outside = 0;
  const auto read = [&](git_config* from) {
    git_config_get_bool(&sparse, from, "core.sparseCheckout");
    git_config_get_bool(&outside, from, "sparse.expectFilesOutsideOfPatterns");
  };
  if (git_repository_config_snapshot(config.out(), repo) == 0) read(config.get());
  if (::access(file.c_str(), R_OK) == 0 && git_config_open_ondisk(own.out(), file.c_str()) == 0) {
    read(own.get());
  }
  return sparse != 0 && outside == 0;
}

absl::StatusOr<git_oid> HashBlob(const std::string& content) {
  git_oid id;
  RETURN_IF_ERROR(GitStatus(git_odb_hash(&id, content.data(), content.size(), GIT_OBJECT_BLOB),
                            "hashing a file"));
  return id;
}

}  // namespace

// One pass over the directories. Directories wait in a list instead of on the stack, so that a
// tree of any depth costs neither descriptors nor stack.
class WorkTreeWalk {
 public:
  WorkTreeWalk(const WorkTree& tree, const std::function<void()>& progress)
      : tree_(tree), progress_(progress), seen_(git_index_entrycount(tree.index_)) {}

  absl::StatusOr<std::vector<PathChange>> Run() {
    RETURN_IF_ERROR(CheckRuleFiles(""));
    waiting_.push_back({"", false});
    while (!waiting_.empty()) {
      const Folder directory = std::move(waiting_.back());
      waiting_.pop_back();
      RETURN_IF_ERROR(Directory(directory));
    }
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (!seen_[i]) Absent(*git_index_get_byindex(tree_.index_, i));
    }
    std::sort(changes_.begin(), changes_.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  // An ignored one is walked when something in it is tracked. As in git, no rule further down takes
  // back what is ignored with its folder.
  struct Folder {
    std::string path;
    bool ignored;
  };

  absl::Status Directory(const Folder& folder) {
    const std::string& directory = folder.path;
    if (progress_) progress_();
    auto fd = OpenBelow(tree_.root_.get(), directory, O_RDONLY | O_DIRECTORY);
    if (absl::IsNotFound(fd.status())) return absl::OkStatus();  // removed since it was listed
    if (!fd.ok()) {
      Unreadable(directory, directory.empty() ? "" : "/", fd.status().message());
      return absl::OkStatus();
    }
    std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(fd->Release()), ::closedir);
    if (!listing) return ErrnoToStatus(errno, absl::StrCat("listing ", directory));
    while (const dirent* entry = ::readdir(listing.get())) {
      const absl::string_view name = entry->d_name;
      if (name == "." || name == ".." || name == ".git") continue;
      const std::string path =
          directory.empty() ? std::string(name) : absl::StrCat(directory, "/", name);
      struct stat info;
      if (::fstatat(::dirfd(listing.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) Unreadable(path, "", std::strerror(errno));
        continue;
      }
      RETURN_IF_ERROR(S_ISDIR(info.st_mode) ? Subdirectory(path, folder.ignored)
                                            : File(path, info, folder.ignored));
    }
    return absl::OkStatus();
  }

  absl::Status Subdirectory(const std::string& path, bool ignored) {
    size_t position = 0;
    if (git_index_find(&position, tree_.index_, path.c_str()) == 0) {
      const git_index_entry* entry = git_index_get_byindex(tree_.index_, position);
      if (entry->mode == GIT_FILEMODE_COMMIT) {
        seen_[position] = true;
        PathChange& change = Note(path, PathState::kSubmodule);
        change.id = entry->id;
        change.mode = entry->mode;
        change.in_index = true;
        return absl::OkStatus();
      }
    }
    RETURN_IF_ERROR(CheckRuleFiles(path));
    const std::string prefix = absl::StrCat(path, "/");
    const bool tracked = git_index_find_prefix(nullptr, tree_.index_, prefix.c_str()) == 0;
    if (!ignored) {
      ASSIGN_OR_RETURN(ignored, Ignored(prefix));
    }
    if (!tracked) {
      if (ignored) {
        Note(prefix, PathState::kIgnored);
        return absl::OkStatus();
      }
      struct stat info;
      const std::string inner = absl::StrCat(path, "/.git");
      if (::fstatat(tree_.root_.get(), inner.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
        Note(prefix, PathState::kNested);
        return absl::OkStatus();
      }
    }
    waiting_.push_back({path, ignored});
    return absl::OkStatus();
  }

  absl::Status File(const std::string& path, const struct stat& info, bool ignored) {
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) {
      Note(path, PathState::kSpecial);
      return absl::OkStatus();
    }
    size_t position = 0;
    if (git_index_find(&position, tree_.index_, path.c_str()) != 0) {
      if (!ignored) {
        ASSIGN_OR_RETURN(ignored, Ignored(path));
      }
      PathChange& change = Note(path, ignored ? PathState::kIgnored : PathState::kUntracked);
      change.mode = tree_.ModeOf(info, nullptr);
      change.size = static_cast<uint64_t>(info.st_size);
      return absl::OkStatus();
    }
    seen_[position] = true;
    const git_index_entry& entry = *git_index_get_byindex(tree_.index_, position);
    if ((entry.flags & kStageMask) != 0) return absl::OkStatus();
    const bool skipped =
        (entry.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0 && !tree_.sparse_;
    const uint32_t mode = tree_.ModeOf(info, &entry);
    const bool placeholder = (entry.flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) != 0;
    if (!placeholder && mode == entry.mode && tree_.LooksUnchanged(entry, info)) {
      return absl::OkStatus();
    }
    const auto id = tree_.Hash(path, info);
    if (!id.ok()) {
      PathChange& change = Note(path, PathState::kUnreadable);
      change.reason = std::string(id.status().message());
      change.in_index = true;
      return absl::OkStatus();
    }
    if (!placeholder && mode == entry.mode && SameOid(*id, entry.id)) return absl::OkStatus();
    PathChange& change = Note(path, skipped ? PathState::kSkipped : PathState::kModified);
    change.mode = mode;
    change.size = static_cast<uint64_t>(info.st_size);
    change.id = *id;
    change.in_index = true;
    return absl::OkStatus();
  }

  void Absent(const git_index_entry& entry) {
    if ((entry.flags & kStageMask) != 0) return;
    if ((entry.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0) return;
    const auto hides = [&](const auto& prefix) { return absl::StartsWith(entry.path, prefix); };
    if (std::any_of(unreadable_.begin(), unreadable_.end(), hides)) return;
    PathChange& change = Note(entry.path, PathState::kDeleted);
    change.id = entry.id;
    change.in_index = true;
  }

  // `path` with everything below it: whether the files there were changed or removed is not known.
  void Unreadable(const std::string& path, absl::string_view slash, absl::string_view reason) {
    const std::string prefix = path.empty() ? "" : absl::StrCat(path, "/");
    size_t position = 0;
    const bool file = git_index_find(&position, tree_.index_, path.c_str()) == 0;
    if (file) seen_[position] = true;
    unreadable_.push_back(prefix);
    PathChange& change = Note(absl::StrCat(path, slash), PathState::kUnreadable);
    change.reason = std::string(reason);
    change.in_index = file || git_index_find_prefix(nullptr, tree_.index_, prefix.c_str()) == 0;
  }

  PathChange& Note(std::string path, PathState state) {
    PathChange change;
    change.path = std::move(path);
    change.state = state;
    changes_.push_back(std::move(change));
    return changes_.back();
  }

  // libgit2 1.5 drops a rule like "!keep" (no wildcard) when it does not see which rule of the same
  // file that takes back: it may be one of a folder above, or one like "a/*". Such a file counts as
  // ignored here and is named as such; the cure is a reader of rules of our own.
  absl::StatusOr<bool> Ignored(const std::string& path) {
    int ignored = 0;
    RETURN_IF_ERROR(GitStatus(git_ignore_path_is_ignored(&ignored, tree_.repo_, path.c_str()),
                              absl::StrCat("reading the ignore rules for ", path)));
    return ignored != 0;
  }

  // libgit2 opens these by name and reads them whole: one that is a FIFO would block it for ever.
  absl::Status CheckRuleFiles(const std::string& directory) {
    for (const char* name : {".gitignore", ".gitattributes"}) {
      const std::string path = directory.empty() ? name : absl::StrCat(directory, "/", name);
      struct stat info;
      if (::fstatat(tree_.root_.get(), path.c_str(), &info, 0) != 0) continue;
      if (S_ISDIR(info.st_mode)) continue;
      if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) > kMaxRuleFile) {
        return absl::FailedPreconditionError(
            absl::StrCat(path, " is not a regular file of at most 16 MiB; remove it to go on"));
      }
    }
    return absl::OkStatus();
  }

  const WorkTree& tree_;
  const std::function<void()>& progress_;
  std::vector<bool> seen_;
  std::vector<Folder> waiting_;
  std::vector<std::string> unreadable_;  // prefixes
  std::vector<PathChange> changes_;
};

absl::StatusOr<WorkTree> WorkTree::Open(git_repository* repo, git_index* index,
                                        const std::string& index_path) {
  WorkTree tree(repo, index);
  const char* root = git_repository_workdir(repo);
  if (root == nullptr) return absl::FailedPreconditionError("the repository has no work tree");
  tree.root_.Reset(::open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree.root_.valid()) return ErrnoToStatus(errno, absl::StrCat("opening ", root));
  struct stat info;
  if (::stat(index_path.c_str(), &info) == 0) {
    tree.index_time_.seconds = static_cast<int32_t>(info.st_mtim.tv_sec);
    tree.index_time_.nanoseconds = static_cast<uint32_t>(info.st_mtim.tv_nsec);
  }
  GitConfig config;
  int trust = 1;
  if (git_repository_config_snapshot(config.out(), repo) == 0 &&
      git_config_get_bool(&trust, config.get(), "core.filemode") == 0) {
    tree.trust_executable_ = trust != 0;
  }
  tree.sparse_ = IsSparse(repo);
  return tree;
}

absl::StatusOr<std::vector<PathChange>> WorkTree::Changes(
    const std::function<void()>& progress) const {
  return WorkTreeWalk(*this, progress).Run();
}

bool WorkTree::LooksUnchanged(const git_index_entry& entry, const struct stat& info) const {
  if (entry.file_size != static_cast<uint32_t>(info.st_size)) return false;
  if (!SameTime(entry.mtime, info.st_mtim) || !SameTime(entry.ctime, info.st_ctim)) return false;
  if (entry.ino != static_cast<uint32_t>(info.st_ino) || entry.uid != info.st_uid ||
      entry.gid != info.st_gid) {
    return false;
  }
  // A file written in the same moment as the index may have changed after it.
  return entry.mtime.seconds < index_time_.seconds ||
         (entry.mtime.seconds == index_time_.seconds &&
          entry.mtime.nanoseconds < index_time_.nanoseconds);
}

uint32_t WorkTree::ModeOf(const struct stat& info, const git_index_entry* entry) const {
  if (S_ISLNK(info.st_mode)) return GIT_FILEMODE_LINK;
  if (!trust_executable_) {
    const bool regular = entry != nullptr && (entry->mode == GIT_FILEMODE_BLOB ||
                                              entry->mode == GIT_FILEMODE_BLOB_EXECUTABLE);
    return regular ? entry->mode : static_cast<uint32_t>(GIT_FILEMODE_BLOB);
  }
  return (info.st_mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
}

absl::StatusOr<UniqueFd> WorkTree::OpenForRead(const std::string& path) const {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenBelow(root_.get(), path, O_RDONLY));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  }
  return fd;
}

absl::StatusOr<FileContent> WorkTree::Load(const std::string& path) const {
  FileContent content;
  if (::fstatat(root_.get(), path.c_str(), &content.info, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  }
  if (S_ISLNK(content.info.st_mode)) {
    ASSIGN_OR_RETURN(content.raw, ReadLinkAt(root_.get(), path));
    content.blob = content.raw;
    return content;
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenForRead(path));
  ::fstat(fd.get(), &content.info);
  ASSIGN_OR_RETURN(content.raw, ReadAll(fd.get(), path, kLoadLimit));
  content.blob = content.raw;
  ASSIGN_OR_RETURN(const std::string encoding,
                   WorkingTreeEncoding(repo_, path, GIT_ATTR_CHECK_FILE_THEN_INDEX));
  if (!encoding.empty()) {
    auto text = EncodingToUtf8(content.raw, encoding);
    if (!text.ok()) return Annotate(text.status(), path);
    content.blob = *std::move(text);
  }
  GitFilters filters;
  const std::string what = absl::StrCat("reading the attributes of ", path);
  RETURN_IF_ERROR(GitStatus(git_filter_list_load(filters.out(), repo_, nullptr, path.c_str(),
                                                 GIT_FILTER_TO_ODB, GIT_FILTER_ALLOW_UNSAFE),
                            what));
  if (filters) {
    GitBuffer out;
    RETURN_IF_ERROR(
        GitStatus(git_filter_list_apply_to_buffer(out.get(), filters.get(), content.blob.data(),
                                                  content.blob.size()),
                  absl::StrCat("converting ", path)));
    content.blob = out.str();
  }
  content.converted = content.blob != content.raw;
  return content;
}

absl::StatusOr<git_oid> WorkTree::Hash(const std::string& path, const struct stat& info) const {
  if (S_ISLNK(info.st_mode) || static_cast<uint64_t>(info.st_size) <= kLoadLimit) {
    ASSIGN_OR_RETURN(const FileContent content, Load(path));
    return HashBlob(content.blob);
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenForRead(path));
  git_oid id;
  // Through the open descriptor: the name may stand for something else by now.
  const std::string open_file = absl::StrCat("/proc/self/fd/", fd.get());
  RETURN_IF_ERROR(GitStatus(git_odb_hashfile(&id, open_file.c_str(), GIT_OBJECT_BLOB),
                            absl::StrCat("hashing ", path)));
  return id;
}

}  // namespace handoff
