#include "cli/submit_source.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/render.h"
#include "cli/settings.h"
#include "cli/snapshot.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kMostNotes = 64;  // the person sees all of them; the record keeps so many
constexpr size_t kMostNoteBytes = 1000;

// A path of this machine rather than an address: it begins like one, or such a directory is here.
bool IsLocalPath(const std::string& repo) {
  return absl::StartsWith(repo, "/") || absl::StartsWith(repo, "./") ||
         absl::StartsWith(repo, "../") || repo == "." || repo == ".." ||
         (!absl::StrContains(repo, ":") && PathExists(repo));
}

SnapshotFrom FromOf(const std::string& word) {
  if (word == "head") return SnapshotFrom::kHead;
  return word == "pushed" ? SnapshotFrom::kPushed : SnapshotFrom::kWorktree;
}

v1::Repository RepositoryOf(const Snapshot& snapshot) {
  v1::Repository repository;
  repository.set_url(snapshot.url);
  repository.set_ref(snapshot.ref);
  repository.set_key(snapshot.key);
  repository.set_commit(snapshot.commit);
  repository.set_worktree_commit(snapshot.worktree_commit);
  repository.set_pack_sha256(snapshot.pack_sha256);
  repository.set_pack_bytes(snapshot.pack_bytes);
  repository.set_pack_complete(snapshot.pack_complete);
  repository.set_user_name(snapshot.user_name);
  repository.set_user_email(snapshot.user_email);
  repository.set_directory(snapshot.directory);
  for (const std::string& note : snapshot.notes) {
    if (repository.notes_size() == kMostNotes) break;
    repository.add_notes(OneLine(EscapeInvalidUtf8(note), kMostNoteBytes));
  }
  return repository;
}

// The workers fetch it themselves.
v1::Repository RemoteRepository(const std::string& url, const std::string& ref) {
  v1::Repository repository;
  repository.set_url(url);
  repository.set_key(url);
  repository.set_ref(ref);
  return repository;
}

// Asked for by --repo and --ref, and not snapshot here.
bool IsRemote(const SubmitFlags& flags) {
  return !flags.repo.empty() && (!IsLocalPath(flags.repo) || !flags.ref.empty());
}

}  // namespace

std::string ProjectRootFor(const SubmitFlags& flags) {
  if (flags.repo.empty()) return RepositoryRoot(".");
  return IsRemote(flags) ? "" : RepositoryRoot(flags.repo);
}

absl::StatusOr<std::string> CheckSource(const SubmitFlags& flags) {
  if (!flags.ref.empty() && flags.repo.empty()) {
    return absl::InvalidArgumentError(
        "--ref needs --repo; without it the work starts from what is checked out here");
  }
  if (flags.repo.empty()) return ".";
  if (!flags.ref.empty()) RETURN_IF_ERROR(ValidateRef(flags.ref));
  std::string where = flags.repo;
  if (IsLocalPath(where)) {
    std::error_code error;
    where = std::filesystem::canonical(flags.repo, error).string();
    if (error) {
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no repository at '", OneLine(flags.repo, 200), "'; nothing was handed over"));
    }
  }
  if (IsRemote(flags)) RETURN_IF_ERROR(ValidateRepoUrl(where));
  return where;
}

absl::Status AsLocal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
      return absl::InvalidArgumentError(status.message());
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
      return absl::InternalError(status.message());
    default:
      return status;
  }
}

absl::StatusOr<std::string> AddRepository(const SubmitFlags& flags, const std::string& where,
                                          const TempDir& temp, Context& context,
                                          v1::HandoffSpec* spec) {
  if (IsRemote(flags)) {
    *spec->mutable_repository() = RemoteRepository(where, flags.ref);
    return "";
  }
  SnapshotOptions options;
  options.from = FromOf(flags.from);
  options.include.insert(flags.include.begin(), flags.include.end());
  options.full = flags.full;
  const auto snapshot = TakeSnapshot(where, options, temp);
  if (absl::IsNotFound(snapshot.status())) {
    // A command needs no repository; everything else has nothing to work on.
    if (spec->agent() == "command" && flags.repo.empty()) return "";
    return absl::InvalidArgumentError(absl::StrCat(
        flags.repo.empty() ? "this is" : OneLine(flags.repo, 200) + " is",
        " no git repository, and ", spec->agent(),
        " needs one; nothing was handed over. Go into a repository, or name one with --repo"));
  }
  RETURN_IF_ERROR(AsLocal(snapshot.status()));
  for (const std::string& line : RenderSnapshot(*snapshot)) context.terminal.Say(line);
  *spec->mutable_repository() = RepositoryOf(*snapshot);
  return snapshot->pack_path;
}

}  // namespace handoff
