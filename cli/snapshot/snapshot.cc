#include "cli/snapshot/snapshot.h"

#include <git2/sys/repository.h>

#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/conversion_notes.h"
#include "cli/snapshot/includes.h"
#include "cli/snapshot/published.h"
#include "cli/snapshot/repository.h"
#include "cli/snapshot/snapshot_pack.h"
#include "cli/snapshot/state_commit.h"
#include "cli/snapshot/unpushed_secrets.h"
#include "cli/snapshot/work_state.h"
#include "common/git/git.h"
#include "common/git/objects.h"
#include "common/git/url.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

class SnapshotTaker {
 public:
  SnapshotTaker(const SnapshotOptions& options, const TempDir& temp)
      : options_(options), temp_(temp.path()) {}

  absl::StatusOr<Snapshot> Take(const std::string& where) {
    RETURN_IF_ERROR(OpenRepository(where));
    const absl::Status read = ReadAll();
    // Only a failing open means that there is no repository.
    if (absl::IsNotFound(read)) {
      return absl::DataLossError(
          absl::StrCat("objects are missing here (partial clone or damage): ", read.message(),
                       "; nothing was sent"));
    }
    RETURN_IF_ERROR(read);
    return std::move(out_);
  }

 private:
  absl::Status ReadAll() {
    RETURN_IF_ERROR(OpenObjects());
    RETURN_IF_ERROR(ReadHeadAndUser());
    RETURN_IF_ERROR(ReadOrigin());
    if (options_.from == SnapshotFrom::kWorktree) RETURN_IF_ERROR(ReadState());
    RETURN_IF_ERROR(NoteConversions());
    RETURN_IF_ERROR(CheckDirectory());
    RETURN_IF_ERROR(NameRepository());
    RETURN_IF_ERROR(CompareWithOrigin());
    ASSIGN_OR_RETURN(const auto secrets, NoteUnpushedSecrets(repo_.get(), unpublished_.commits));
    out_.notes.insert(out_.notes.end(), secrets.begin(), secrets.end());
    return MakePack();
  }

  absl::Status OpenRepository(const std::string& where) {
    ASSIGN_OR_RETURN(repo_, OpenAround(where));
    const char* root = git_repository_workdir(repo_.get());
    if (root == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat(where, " is in a bare repository, which has no work tree to submit from"));
    }
    out_.root = std::string(absl::StripSuffix(RealPath(root), "/"));
    const std::string here = RealPath(where);
    absl::string_view below = here;
    if (absl::ConsumePrefix(&below, absl::StrCat(out_.root, "/"))) directory_ = std::string(below);
    out_.from = options_.from;
    ASSIGN_OR_RETURN(options_.include, ResolveIncludes(options_.include, out_.root, directory_));
    return absl::OkStatus();
  }

  absl::Status OpenObjects() {
    GitBuffer objects;
    RETURN_IF_ERROR(
        GitStatus(git_repository_item_path(objects.get(), repo_.get(), GIT_REPOSITORY_ITEM_OBJECTS),
                  out_.root));
    objects_ = std::string(absl::StripSuffix(objects.str(), "/"));
    // From here on whatever libgit2 writes goes to the temporary directory.
    ASSIGN_OR_RETURN(odb_, MakeObjectDatabase(absl::StrCat(temp_, "/objects")));
    RETURN_IF_ERROR(AddObjects(odb_.get(), objects_, /*follow_alternates=*/true));
    return GitStatus(git_repository_set_odb(repo_.get(), odb_.get()), out_.root);
  }

  absl::Status ReadHeadAndUser() {
    if (git_reference_name_to_id(&head_, repo_.get(), "HEAD") != 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          out_.root, " has no commit yet. Nothing was sent; commit once and submit again"));
    }
    out_.commit = OidText(head_);
    ASSIGN_OR_RETURN(head_tree_, TreeOfCommit(repo_.get(), head_));
    GitReference head;
    if (git_repository_head(head.out(), repo_.get()) == 0 &&
        git_reference_is_branch(head.get()) == 1) {
      out_.ref = git_reference_shorthand(head.get());
    }
    GitConfig config;
    RETURN_IF_ERROR(GitStatus(git_repository_config_snapshot(config.out(), repo_.get()),
                              "reading the configuration"));
    const char* value = nullptr;
    if (git_config_get_string(&value, config.get(), "user.name") == 0) out_.user_name = value;
    if (git_config_get_string(&value, config.get(), "user.email") == 0) out_.user_email = value;
    return absl::OkStatus();
  }

  absl::Status ReadOrigin() {
    ASSIGN_OR_RETURN(Origin origin, OriginOf(repo_.get(), out_.root));
    remote_ = std::move(origin.remote);
    out_.url = std::move(origin.url);
    out_.origin_message = std::move(origin.message);
    return absl::OkStatus();
  }

  absl::Status ReadState() {
    WorkStateReader reader(repo_.get(), odb_.get(), options_);
    ASSIGN_OR_RETURN(WorkState state, reader.Read(head_tree_.get()));
    const git_oid head_tree = *git_tree_id(head_tree_.get());
    RETURN_IF_ERROR(Count(state));
    if (!SameOid(state.work_tree, head_tree) || !SameOid(state.index_tree, head_tree)) {
      RETURN_IF_ERROR(MakeCommits(state));
    }
    out_.ignored = std::move(state.ignored);
    out_.held_back = std::move(state.held_back);
    out_.notes = std::move(state.notes);
    const std::string operation = NoteOperation(repo_.get());
    if (!operation.empty()) out_.notes.insert(out_.notes.begin(), operation);
    sent_ = std::move(state.sent);
    return absl::OkStatus();
  }

  // What the worker's files are made of.
  const git_oid& Submitted() const {
    return out_.worktree_commit.empty() ? head_ : worktree_commit_;
  }

  absl::Status NoteConversions() {
    ASSIGN_OR_RETURN(const auto notes,
                     ConversionNotes(repo_.get(), odb_.get(), sent_, Submitted(), temp_));
    out_.notes.insert(out_.notes.end(), notes.begin(), notes.end());
    return absl::OkStatus();
  }

  // Rather here than by a checkout that fails on the worker, after everything was sent.
  absl::Status CheckDirectory() {
    if (!options_.runs_in_directory || directory_.empty()) return absl::OkStatus();
    const auto refuse = [&](absl::string_view why) {
      return absl::FailedPreconditionError(
          absl::StrCat("the worker cannot run this in the folder ", EscapeInvalidUtf8(directory_),
                       ": ", why, ". Nothing was sent; submit from another folder"));
    };
    if (directory_ == ".git" || absl::StartsWith(directory_, ".git/")) {
      return refuse("it is no part of the work tree");
    }
    if (!IsValidUtf8(directory_)) return refuse("its name is not UTF-8");
    ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(repo_.get(), Submitted()));
    git_tree_entry* entry = nullptr;
    const bool has = git_tree_entry_bypath(&entry, tree.get(), directory_.c_str()) == 0;
    git_tree_entry_free(entry);
    if (!has) {
      return refuse(
          options_.from == SnapshotFrom::kWorktree
              ? "no file in it is sent (it is empty, or all of it is ignored or held back; "
                "--include sends such files)"
              : "no file in it is committed");
    }
    out_.directory = directory_;
    return absl::OkStatus();
  }

  absl::Status Count(const WorkState& state) {
    GitTree index, work;
    GitDiff staged, all;
    ASSIGN_OR_RETURN(index, LookupTree(repo_.get(), state.index_tree));
    ASSIGN_OR_RETURN(work, LookupTree(repo_.get(), state.work_tree));
    RETURN_IF_ERROR(GitStatus(
        git_diff_tree_to_tree(staged.out(), repo_.get(), head_tree_.get(), index.get(), nullptr),
        "comparing the index"));
    RETURN_IF_ERROR(GitStatus(
        git_diff_tree_to_tree(all.out(), repo_.get(), head_tree_.get(), work.get(), nullptr),
        "comparing the work tree"));
    out_.staged = git_diff_num_deltas(staged.get());
    const std::set<std::string> untracked(state.untracked.begin(), state.untracked.end());
    for (size_t i = 0; i < git_diff_num_deltas(all.get()); ++i) {
      const git_diff_delta* delta = git_diff_get_delta(all.get(), i);
      if (delta->status == GIT_DELTA_DELETED) {
        ++out_.deleted;
      } else if (delta->status != GIT_DELTA_ADDED) {
        ++out_.modified;
      } else if (!untracked.contains(delta->new_file.path)) {
        ++out_.added;
      }
    }
    out_.untracked = untracked.size();
    return absl::OkStatus();
  }

  absl::Status MakeCommits(const WorkState& state) {
    ASSIGN_OR_RETURN(const StateCommit made,
                     WriteStateCommit(repo_.get(), odb_.get(), head_, state.index_tree,
                                      state.work_tree, "at submission\n"));
    index_commit_ = made.index;
    worktree_commit_ = made.commit;
    out_.worktree_commit = OidText(worktree_commit_);
    return absl::OkStatus();
  }

  absl::Status NameRepository() {
    out_.key = out_.url;
    if (!out_.key.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(out_.key, RootKey(repo_.get(), odb_.get(), head_));
    return absl::OkStatus();
  }

  absl::Status CompareWithOrigin() {
    const bool shallow = IsShallow(repo_.get());
    if (!remote_.empty()) {
      PublishedHistory history(repo_.get(), odb_.get(), objects_, temp_);
      ASSIGN_OR_RETURN(unpublished_, history.Compare(remote_, head_, options_.branch));
      out_.origin_message = unpublished_.message;
    }
    out_.commits_ahead = unpublished_.asked ? static_cast<int>(unpublished_.commits.size()) : -1;
    if (options_.from == SnapshotFrom::kPushed) return CheckPushed();
    // A path on this host means nothing on another, so all of it is sent along.
    thin_ = unpublished_.asked && unpublished_.connected && LocalPathOf(out_.url).empty() &&
            !options_.full;
    if (shallow && !thin_) {
      return absl::FailedPreconditionError(
          absl::StrCat("this is a shallow clone, and ",
                       options_.full ? std::string("its history cannot be sent in full")
                       : unpublished_.asked
                           ? std::string("origin advertises none of the commits that are here")
                           : absl::StrCat("origin could not be asked (", out_.origin_message, ")"),
                       ". Nothing was sent; run `git fetch --unshallow`, or push HEAD"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckPushed() {
    if (!unpublished_.asked) {
      return absl::UnavailableError(
          absl::StrCat("origin could not be asked whether it has HEAD: ", out_.origin_message,
                       ". Nothing was sent; submit with --from head or worktree to send it along"));
    }
    if (unpublished_.commits.empty()) return absl::OkStatus();
    if (IsShallow(repo_.get()) && !unpublished_.connected) {
      return absl::FailedPreconditionError(absl::StrCat(
          "this is a shallow clone, in which it does not show whether origin has HEAD (",
          out_.commit.substr(0, 10),
          "). Nothing was sent; push HEAD, or run `git fetch "
          "--unshallow` if it was pushed (in a pipeline: check out with the whole history)"));
    }
    return absl::FailedPreconditionError(absl::StrCat(
        "HEAD (", out_.commit.substr(0, 10), ") is ", out_.commits_ahead,
        " commits ahead of what origin has. Nothing was sent; push, or submit with --from head"));
  }

  absl::Status MakePack() {
    if (options_.from == SnapshotFrom::kPushed) return absl::OkStatus();
    out_.pack_complete = !thin_;
    if (!options_.build_pack) return absl::OkStatus();
    ASSIGN_OR_RETURN(SnapshotPack pack, SnapshotPack::Make(repo_.get()));
    if (thin_) {
      for (const git_oid& commit : unpublished_.commits) {
        RETURN_IF_ERROR(pack.AddCommit(commit, TreesOfParents(commit)));
      }
    } else {
      RETURN_IF_ERROR(pack.AddHistory(head_));
    }
    const git_oid head_tree = *git_tree_id(head_tree_.get());
    if (index_commit_.has_value()) {
      RETURN_IF_ERROR(pack.AddCommit(*index_commit_, {head_tree}));
    }
    if (!out_.worktree_commit.empty()) {
      RETURN_IF_ERROR(pack.AddCommit(worktree_commit_, {head_tree}));
    }
    if (pack.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const PackFile file, pack.Write(absl::StrCat(temp_, "/submission.pack")));
    out_.pack_path = file.path;
    out_.pack_sha256 = file.sha256;
    out_.pack_bytes = file.bytes;
    return absl::OkStatus();
  }

  std::vector<git_oid> TreesOfParents(const git_oid& id) {
    std::vector<git_oid> trees;
    const auto commit = LookupCommit(repo_.get(), id);
    if (!commit.ok()) return trees;
    for (unsigned i = 0; i < git_commit_parentcount(commit->get()); ++i) {
      const auto tree = TreeOfCommit(repo_.get(), *git_commit_parent_id(commit->get(), i));
      if (tree.ok()) trees.push_back(*git_tree_id(tree->get()));
    }
    return trees;
  }

  SnapshotOptions options_;
  const std::string temp_;
  Snapshot out_;
  GitRepository repo_;
  GitOdb odb_;
  std::string directory_;       // where the person stands, below the root
  std::string objects_;         // the repository's own
  std::string remote_;          // its name; empty: none that workers could use
  std::vector<SentFile> sent_;  // files whose content was read
  git_oid head_ = {};
  GitTree head_tree_;
  std::optional<git_oid> index_commit_;
  git_oid worktree_commit_ = {};
  Unpublished unpublished_;
  bool thin_ = false;
};

}  // namespace

absl::StatusOr<Snapshot> TakeSnapshot(const std::string& where, const SnapshotOptions& options,
                                      const TempDir& temp) {
  GitLibraryOptions library;
  library.user_config = true;
  library.validate_owner = true;
  RETURN_IF_ERROR(InitGit(library));
  return SnapshotTaker(options, temp).Take(where);
}

}  // namespace handoff
