#include "cli/taken/in_the_way.h"

#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

struct TreeEntryFree {
  void operator()(git_tree_entry* entry) const { git_tree_entry_free(entry); }
};

class Way {
 public:
  Way(std::string root, git_tree* from) : root_(std::move(root)), from_(from) {}

  // Where a file of that path is to be.
  absl::Status Check(const std::string& path) const {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string folder = path.substr(0, slash);
      ASSIGN_OR_RETURN(const Kind there, Look(folder));
      if (there == Kind::kNothing) return absl::OkStatus();
      // One of `from` goes; below one that is no folder there is nothing else.
      if (there == Kind::kFile) return Known(folder) ? absl::OkStatus() : InTheWay(folder);
    }
    return CheckAll(path);
  }

 private:
  enum class Kind { kNothing, kFile, kFolder };

  absl::StatusOr<Kind> Look(const std::string& path) const {
    struct stat info;
    const std::string full = absl::StrCat(root_, "/", path);
    if (::lstat(full.c_str(), &info) == 0) {
      return S_ISDIR(info.st_mode) ? Kind::kFolder : Kind::kFile;
    }
    if (errno == ENOENT || errno == ENOTDIR) return Kind::kNothing;
    return ErrnoToStatus(errno, absl::StrCat("looking at ", full));
  }

  // Whether `from` has a file there; a submodule is none, since what is in it is nobody's.
  bool Known(const std::string& path) const {
    git_tree_entry* found = nullptr;
    if (git_tree_entry_bypath(&found, from_, path.c_str()) != 0) return false;
    const std::unique_ptr<git_tree_entry, TreeEntryFree> entry(found);
    return git_tree_entry_type(found) == GIT_OBJECT_BLOB;
  }

  // It, and all that is in it.
  absl::Status CheckAll(const std::string& path) const {
    ASSIGN_OR_RETURN(const Kind there, Look(path));
    if (there == Kind::kNothing) return absl::OkStatus();
    if (there == Kind::kFile) return Known(path) ? absl::OkStatus() : InTheWay(path);
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     ListDirectory(absl::StrCat(root_, "/", path)));
    for (const std::string& name : names) {
      RETURN_IF_ERROR(CheckAll(absl::StrCat(path, "/", name)));
    }
    return absl::OkStatus();
  }

  absl::Status InTheWay(const std::string& path) const {
    return absl::FailedPreconditionError(absl::StrCat(
        OneLine(EscapeInvalidUtf8(absl::StrCat(root_, "/", path)), 400),
        " is yours and not known to git, and the work to be put there has another file in its "
        "place. No file was changed: move it away, and take over again"));
  }

  const std::string root_;
  git_tree* const from_;
};

}  // namespace

absl::Status CheckNothingInTheWay(git_repository* repo, const std::string& root,
                                  const git_oid& from, const git_oid& to) {
  ASSIGN_OR_RETURN(const GitTree before, LookupTree(repo, from));
  ASSIGN_OR_RETURN(const GitTree after, LookupTree(repo, to));
  git_diff_options options;
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
  GitDiff diff;
  RETURN_IF_ERROR(GitStatus(
      git_diff_tree_to_tree(diff.out(), repo, before.get(), after.get(), &options), "comparing"));
  const Way way(root, before.get());
  for (size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta& delta = *git_diff_get_delta(diff.get(), i);
    // A file of `from` that only changes is looked at by git.
    const bool comes = delta.status == GIT_DELTA_ADDED || delta.status == GIT_DELTA_TYPECHANGE;
    if (comes) RETURN_IF_ERROR(way.Check(delta.new_file.path));
  }
  return absl::OkStatus();
}

}  // namespace handoff
