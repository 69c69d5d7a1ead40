#include "worker/repo/checkout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/git/encoding.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/unique_fd.h"

namespace handoff {
namespace {

constexpr size_t kBatch = 64;        // files that a thread takes at once
constexpr unsigned kMaxThreads = 8;  // beyond that the file system is the limit
constexpr int kMaxDepth = 1024;
constexpr size_t kMaxFiles = 10'000'000;  // a tree that names itself often grows without end
constexpr size_t kLfsPointerBytes = 1024;
constexpr absl::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";

struct Item {
  std::string path;
  uint32_t mode;
  git_oid id;
  bool converts = false;  // attributes ask for more than the bytes of the blob
  bool lfs = false;
  std::string encoding = {};  // working-tree-encoding; empty: UTF-8
  bool written = false;
  struct stat info = {};
};

// Names that git refuses too: they would leave the tree or write into .git.
bool IsSafeName(absl::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  if (name.find('/') != absl::string_view::npos) return false;
  return !absl::EqualsIgnoreCase(name, ".git") && !absl::EqualsIgnoreCase(name, "git~1");
}

class Checkout {
 public:
  Checkout(git_repository* repo, RepoProgress& progress) : repo_(repo), progress_(progress) {}

  absl::StatusOr<CheckedOut> Run(const git_oid& tree) {
    const std::string root = git_repository_workdir(repo_);
    ASSIGN_OR_RETURN(root_, OpenFile(root, O_RDONLY | O_DIRECTORY));
    RETURN_IF_ERROR(GitStatus(git_repository_odb(odb_.out(), repo_), root));
    progress_.Report("checking out", 0);
    RETURN_IF_ERROR(List(tree, "", 0));
    RETURN_IF_ERROR(MakeFolders());
    RETURN_IF_ERROR(ReadAttributes());
    RETURN_IF_ERROR(WriteFiles());
    RETURN_IF_ERROR(WriteLinks());
    return Result();
  }

 private:
  absl::Status List(const git_oid& id, const std::string& prefix, int depth) {
    if (depth > kMaxDepth || items_.size() + folders_.size() > kMaxFiles) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the tree has more than ", kMaxFiles, " files and folders or is too deep to check out"));
    }
    ASSIGN_OR_RETURN(const GitTree tree, LookupTree(repo_, id));
    for (size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
      const absl::string_view name = git_tree_entry_name(entry);
      if (!IsSafeName(name)) {
        return absl::InvalidArgumentError(absl::StrCat("the repository contains the path '", prefix,
                                                       name, "', which is not safe to check out"));
      }
      std::string path = absl::StrCat(prefix, name);
      const uint32_t mode = git_tree_entry_filemode(entry);
      const git_oid& child = *git_tree_entry_id(entry);
      if (mode == GIT_FILEMODE_TREE) {
        folders_.push_back(path);
        RETURN_IF_ERROR(List(child, absl::StrCat(path, "/"), depth + 1));
        continue;
      }
      if (mode == GIT_FILEMODE_COMMIT) {
        folders_.push_back(path);
        out_.submodules.push_back({path, child, false});
      }
      has_attributes_ = has_attributes_ || name == ".gitattributes";
      items_.push_back({std::move(path), mode, child});
    }
    return absl::OkStatus();
  }

  absl::Status MakeFolders() {
    for (const std::string& folder : folders_) {
      if (::mkdirat(root_.get(), folder.c_str(), 0777) != 0) {
        return ErrnoToStatus(errno, absl::StrCat("making the folder ", folder));
      }
    }
    return absl::OkStatus();
  }

  // The attribute files first: libgit2 reads the others' rules from them.
  absl::Status ReadAttributes() {
    if (!has_attributes_) return absl::OkStatus();
    for (Item& item : items_) {
      const bool rules =
          item.path == ".gitattributes" || absl::EndsWith(item.path, "/.gitattributes");
      if (rules && item.mode != GIT_FILEMODE_LINK) RETURN_IF_ERROR(WriteRaw(item));
    }
    const char* names[] = {"eol", "ident", "filter", "working-tree-encoding", "crlf"};
    for (Item& item : items_) {
      if (item.mode == GIT_FILEMODE_LINK || item.mode == GIT_FILEMODE_COMMIT) continue;
      const char* values[std::size(names)] = {};
      RETURN_IF_ERROR(GitStatus(git_attr_get_many(values, repo_, GIT_ATTR_CHECK_NO_SYSTEM,
                                                  item.path.c_str(), std::size(names), names),
                                absl::StrCat("reading the attributes of ", item.path)));
      const bool crlf = Is(values[0], "crlf") || Is(values[4], "crlf");
      item.converts = crlf || git_attr_value(values[1]) == GIT_ATTR_VALUE_TRUE;
      item.lfs = Is(values[2], "lfs");
      if (git_attr_value(values[2]) == GIT_ATTR_VALUE_STRING && !item.lfs) {
        ++unknown_filters_[values[2]];
      }
      item.encoding = WorkingTreeEncoding(values[3]);
      if (item.encoding.empty()) continue;
      item.converts = true;
      const absl::Status known = CheckEncoding(item.encoding);
      if (!known.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(item.path, ": ", known.message(),
                         " by workers. Nothing was started; store the file in UTF-8 or UTF-16"));
      }
    }
    return absl::OkStatus();
  }

  static bool Is(const char* value, absl::string_view expected) {
    return git_attr_value(value) == GIT_ATTR_VALUE_STRING && value == expected;
  }

  absl::Status WriteFiles() {
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, kMaxThreads);
    std::vector<std::thread> others;
    // Conversions use the repository, which one thread at a time may: this one.
    for (unsigned i = 1; i < threads; ++i) others.emplace_back([this] { TakeBatches(false); });
    TakeBatches(true);
    for (Item& item : items_) {
      if (item.converts && !item.written && !Failed()) Fail(WriteConverted(item));
    }
    for (std::thread& other : others) other.join();
    const MutexLock lock(mutex_);
    return failure_;
  }

  void TakeBatches(bool reports) {
    while (!Failed()) {
      const size_t begin = next_.fetch_add(kBatch);
      if (begin >= items_.size()) return;
      const size_t end = std::min(begin + kBatch, items_.size());
      for (size_t i = begin; i < end; ++i) {
        Item& item = items_[i];
        const bool file = item.mode != GIT_FILEMODE_LINK && item.mode != GIT_FILEMODE_COMMIT;
        if (file && !item.converts && !item.written) Fail(WriteRaw(item));
      }
      if (reports) progress_.ReportPart("checking out", end, items_.size());
    }
  }

  absl::Status WriteRaw(Item& item) {
    GitOdbObject blob;
    RETURN_IF_ERROR(GitStatus(git_odb_read(blob.out(), odb_.get(), &item.id), item.path));
    const absl::string_view content(static_cast<const char*>(git_odb_object_data(blob.get())),
                                    git_odb_object_size(blob.get()));
    if (item.lfs && content.size() < kLfsPointerBytes && absl::StartsWith(content, kLfsPointer)) {
      return absl::InvalidArgumentError(absl::StrCat(
          item.path,
          " is kept in Git LFS: its content is not in the repository, and workers do not fetch "
          "from LFS. Nothing was started. Submit from a repository without LFS files"));
    }
    return Write(item, content);
  }

  absl::Status WriteConverted(Item& item) {
    GitBlob blob;
    GitFilters filters;
    GitBuffer out;
    RETURN_IF_ERROR(GitStatus(git_blob_lookup(blob.out(), repo_, &item.id), item.path));
    RETURN_IF_ERROR(
        GitStatus(git_filter_list_load(filters.out(), repo_, blob.get(), item.path.c_str(),
                                       GIT_FILTER_TO_WORKTREE, GIT_FILTER_ALLOW_UNSAFE),
                  item.path));
    if (!filters && item.encoding.empty()) return WriteRaw(item);
    std::string content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                        static_cast<size_t>(git_blob_rawsize(blob.get())));
    if (filters) {
      RETURN_IF_ERROR(GitStatus(git_filter_list_apply_to_blob(out.get(), filters.get(), blob.get()),
                                item.path));
      content = out.str();
    }
    if (!item.encoding.empty()) {
      auto encoded = Utf8ToEncoding(content, item.encoding);
      if (absl::IsUnimplemented(encoded.status())) {
        return absl::InvalidArgumentError(absl::StrCat(
            item.path, ": ", encoded.status().message(),
            ". Nothing was started; install the converters of its C library (gconv modules)"));
      }
      // git too writes what is stored when that is no text.
      if (encoded.ok()) content = *std::move(encoded);
    }
    return Write(item, content);
  }

  absl::Status Write(Item& item, absl::string_view content) {
    const int mode = item.mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0777 : 0666;
    const UniqueFd fd(::openat(root_.get(), item.path.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("writing ", item.path));
    RETURN_IF_ERROR(Annotate(WriteAll(fd.get(), content), absl::StrCat("writing ", item.path)));
    if (::fstat(fd.get(), &item.info) != 0) return ErrnoToStatus(errno, item.path);
    item.written = true;
    return absl::OkStatus();
  }

  // Last, so that no name on the way to a file can be one of them.
  absl::Status WriteLinks() {
    for (Item& item : items_) {
      if (item.mode != GIT_FILEMODE_LINK) continue;
      GitOdbObject blob;
      RETURN_IF_ERROR(GitStatus(git_odb_read(blob.out(), odb_.get(), &item.id), item.path));
      const std::string target(static_cast<const char*>(git_odb_object_data(blob.get())),
                               git_odb_object_size(blob.get()));
      if (::symlinkat(target.c_str(), root_.get(), item.path.c_str()) != 0 ||
          ::fstatat(root_.get(), item.path.c_str(), &item.info, AT_SYMLINK_NOFOLLOW) != 0) {
        return ErrnoToStatus(errno, absl::StrCat("making the symlink ", item.path));
      }
    }
    return absl::OkStatus();
  }

  CheckedOut Result() {
    out_.paths.reserve(items_.size());
    out_.entries.reserve(items_.size());
    for (Item& item : items_) {
      out_.paths.push_back(std::move(item.path));
      git_index_entry entry = {};
      entry.path = out_.paths.back().c_str();
      entry.mode = item.mode;
      entry.id = item.id;
      entry.ctime = {static_cast<int32_t>(item.info.st_ctim.tv_sec),
                     static_cast<uint32_t>(item.info.st_ctim.tv_nsec)};
      entry.mtime = {static_cast<int32_t>(item.info.st_mtim.tv_sec),
                     static_cast<uint32_t>(item.info.st_mtim.tv_nsec)};
      entry.dev = static_cast<uint32_t>(item.info.st_dev);
      entry.ino = static_cast<uint32_t>(item.info.st_ino);
      entry.uid = item.info.st_uid;
      entry.gid = item.info.st_gid;
      entry.file_size = static_cast<uint32_t>(item.info.st_size);
      out_.entries.push_back(entry);
    }
    for (const auto& [filter, count] : unknown_filters_) {
      out_.notes.push_back(absl::StrCat(count, " files use the filter '", filter,
                                        "', which workers do not run; they have the stored bytes"));
    }
    return std::move(out_);
  }

  bool Failed() const { return failed_.load(std::memory_order_relaxed); }
  void Fail(const absl::Status& status) {
    if (status.ok()) return;
    const MutexLock lock(mutex_);
    if (failure_.ok()) failure_ = status;
    failed_ = true;
  }

  git_repository* repo_;
  RepoProgress& progress_;
  GitOdb odb_;
  UniqueFd root_;
  bool has_attributes_ = false;
  std::vector<std::string> folders_;  // parents before children
  std::vector<Item> items_;
  std::map<std::string, int> unknown_filters_;
  CheckedOut out_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<CheckedOut> CheckOut(git_repository* repo, const git_oid& tree,
                                    RepoProgress& progress) {
  return Checkout(repo, progress).Run(tree);
}

}  // namespace handoff
