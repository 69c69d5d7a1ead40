#include "cli/submit_source.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "cli/snapshot/snapshot.h"
#include "cli/text/render.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kMostNotes = 64;  // the person sees all of them; the record keeps so many
constexpr size_t kMostNoteBytes = 1000;
constexpr size_t kMostNameBytes = 256;

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

void KeepNotes(const std::vector<std::string>& notes, v1::Repository& repository) {
  const bool all = notes.size() <= kMostNotes;
  const size_t kept = all ? notes.size() : kMostNotes - 1;
  for (size_t i = 0; i < kept; ++i) {
    repository.add_notes(OneLine(EscapeInvalidUtf8(notes[i]), kMostNoteBytes));
  }
  if (!all) repository.add_notes(absl::StrCat("and ", notes.size() - kept, " more notes"));
}

// git takes names of any bytes, a record takes text. Notes what it changes.
void MakeText(Snapshot& snapshot) {
  for (std::string* name : {&snapshot.user_name, &snapshot.user_email}) {
    const bool plain = name->size() <= kMostNameBytes && IsValidUtf8(*name) &&
                       StripControls(*name) == *name &&
                       name->find_first_of("\n\t") == std::string::npos;
    if (plain) continue;
    const std::string text = OneLine(EscapeInvalidUtf8(*name), kMostNameBytes);
    snapshot.notes.push_back(absl::StrCat(name == &snapshot.user_name ? "user.name" : "user.email",
                                          " is not one line of at most ", kMostNameBytes,
                                          " bytes of UTF-8; the worker's is ", text));
    *name = text;
  }
  if (snapshot.ref.empty() || ValidateRef(snapshot.ref).ok()) return;
  snapshot.notes.push_back(absl::StrCat("the name of the branch ", EscapeInvalidUtf8(snapshot.ref),
                                        " is not UTF-8 or too long, and is not kept"));
  snapshot.ref.clear();
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
  KeepNotes(snapshot.notes, repository);
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

// Flags that are about the repository here, where there is none to read.
absl::Status RefuseLocalFlags(const SubmitFlags& flags) {
  const char* const flag = !flags.from.empty()      ? "--from"
                           : !flags.include.empty() ? "--include"
                           : flags.full             ? "--full"
                                                    : nullptr;
  if (flag == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " is about what is checked out here, and the workers fetch ",
                   OneLine(flags.repo, 200), " themselves; nothing was handed over. Leave it out"));
}

// What is around the person is no repository, or none that is followed.
absl::Status NoRepository(const SubmitFlags& flags, const std::string& agent,
                          const Context& context) {
  for (const std::string& variable : context.environment) {
    if (!flags.repo.empty() || !absl::StartsWith(variable, "GIT_DIR=")) continue;
    return absl::InvalidArgumentError(
        "there is no repository around this folder, and the one that GIT_DIR names is not "
        "followed; nothing was handed over. Name one with --repo, or unset GIT_DIR");
  }
  // A command needs no repository; everything else has nothing to work on.
  if (agent == "command" && flags.repo.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      flags.repo.empty() ? "this is" : OneLine(flags.repo, 200) + " is", " no git repository, and ",
      agent, " needs one; nothing was handed over. Go into a repository, or name one with --repo"));
}

// What --attach takes along is not held back, whatever the repository's state leaves out. By where
// it lies: a link that was named is the link.
void LeaveOutAttached(const std::vector<std::string>& attached, const std::string& where,
                      std::vector<std::string>& held_back) {
  std::error_code error;
  const auto root = std::filesystem::canonical(RepositoryRoot(where), error);
  if (error) return;
  for (const std::string& name : attached) {
    const std::filesystem::path path = std::filesystem::absolute(name, error);
    const auto folder = std::filesystem::canonical(path.parent_path(), error);
    if (error) continue;
    const std::string held =
        absl::StrCat((folder / path.filename()).lexically_relative(root).string(), ": ");
    const auto is_it = [&held](const std::string& line) {
      return line.substr(0, line.rfind(": ") + 2) == held;
    };
    held_back.erase(std::remove_if(held_back.begin(), held_back.end(), is_it), held_back.end());
  }
}

}  // namespace

bool IsRemote(const SubmitFlags& flags) {
  return !flags.repo.empty() && (!IsLocalPath(flags.repo) || !flags.ref.empty());
}

std::string ProjectRootFor(const SubmitFlags& flags) {
  if (flags.repo.empty()) return RepositoryRoot(".");
  return IsRemote(flags) ? "" : RepositoryRoot(flags.repo);
}

absl::StatusOr<std::string> CheckSource(const SubmitFlags& flags) {
  if (!flags.ref.empty() && flags.repo.empty()) {
    return absl::InvalidArgumentError(
        "--ref needs --repo; without it the work starts from what is checked out here");
  }
  if (IsRemote(flags)) RETURN_IF_ERROR(RefuseLocalFlags(flags));
  if (!flags.include.empty() && FromOf(flags.from) != SnapshotFrom::kWorktree) {
    return absl::InvalidArgumentError(
        absl::StrCat("--include is about what is not committed, and --from ", flags.from,
                     " sends none of that; nothing was handed over. Leave one of them out"));
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
    context.terminal.Say(
        absl::StrCat("the worker fetches ", OneLine(where, 300), " at ",
                     flags.ref.empty() ? "its default branch" : OneLine(flags.ref, 120),
                     "; nothing is sent from here"));
    return "";
  }
  if (!flags.ci_commit.empty()) {
    v1::Repository& repository = *spec->mutable_repository();
    repository = RemoteRepository(flags.ci_repo, flags.ci_branch);
    repository.set_commit(flags.ci_commit);
    context.terminal.Say(absl::StrCat("the worker fetches ", OneLine(flags.ci_repo, 300), " at ",
                                      flags.ci_commit.substr(0, 10),
                                      ", as the CI system says; nothing is sent from here"));
    return "";
  }
  SnapshotOptions options;
  options.from = FromOf(flags.from);
  options.include.insert(flags.include.begin(), flags.include.end());
  options.full = flags.full;
  options.branch = flags.ci_branch;
  options.runs_in_directory = spec->agent() == "command";
  auto snapshot = TakeSnapshot(where, options, temp);
  if (absl::IsNotFound(snapshot.status())) {
    RETURN_IF_ERROR(NoRepository(flags, spec->agent(), context));
    return "";
  }
  RETURN_IF_ERROR(AsLocal(snapshot.status()));
  MakeText(*snapshot);
  LeaveOutAttached(flags.attach, where, snapshot->held_back);
  for (const std::string& line : RenderSnapshot(*snapshot)) context.terminal.Say(line);
  *spec->mutable_repository() = RepositoryOf(*snapshot);
  return snapshot->pack_path;
}

}  // namespace handoff
