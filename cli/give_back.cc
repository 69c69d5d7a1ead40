#include "cli/give_back.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/includes.h"
#include "cli/snapshot/repository.h"
#include "cli/taken/taken_directory.h"
#include "cli/text/checkpoints.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kMostPacks = 64;  // of a checkpoint
constexpr int kMostNotes = 64;
constexpr size_t kMostNote = 300;

std::string BranchOf(const std::string& id) { return absl::StrCat("handoff/", id); }

// Whether a takeover made it what it is, by its record alone: that stays in every tree that ever
// was one, also when another was made since.
bool IsRecorded(const WorkTreePlace& place, const std::string& id) {
  const auto record = ReadTakenRecord(place.path, id);
  if (!record.has_value()) return false;
  const auto repo = OpenAround(place.path);
  if (!repo.ok()) return false;
  const auto taken = TakenIn(repo->get(), id);
  return taken.has_value() && OidText(*taken) == record->based_on;
}

// The one on the handoff's branch, of which there is one at most; where there is none, those that
// are recorded.
std::vector<std::string> TakenTrees(const std::vector<WorkTreePlace>& all, const std::string& id) {
  std::vector<std::string> recorded;
  for (const WorkTreePlace& each : all) {
    if (each.gone) continue;
    if (each.branch == BranchOf(id)) return {each.path};
    if (IsRecorded(each, id)) recorded.push_back(each.path);
  }
  return recorded;
}

// The checkpoint that was taken; nullptr: it was what was submitted.
const v1::Checkpoint* FindBase(const v1::Handoff& handoff, const std::string& commit) {
  if (handoff.returned().commit() == commit) return &handoff.returned();
  for (const v1::Attempt& attempt : handoff.attempts()) {
    for (const v1::Checkpoint* each : {&attempt.checkpoint(), &attempt.late_checkpoint()}) {
      if (each->commit() == commit) return each;
    }
  }
  return nullptr;
}

const std::string& SubmittedState(const v1::Repository& repository) {
  return repository.worktree_commit().empty() ? repository.commit() : repository.worktree_commit();
}

// What the coordinator has already, with all that it leads to.
std::vector<git_oid> Known(const v1::Handoff& handoff, const v1::Checkpoint* base,
                           const git_oid& taken) {
  std::vector<git_oid> known = {taken};
  const v1::Repository& submitted = handoff.spec().repository();
  std::vector<std::string> commits = {submitted.commit(), submitted.worktree_commit()};
  if (base != nullptr) commits.push_back(base->submitted_commit());
  for (const std::string& commit : commits) {
    const auto id = ParseOid(commit);
    if (!commit.empty() && id.ok()) known.push_back(*id);
  }
  return known;
}

absl::StatusOr<git_oid> TakenCommit(git_repository* repo, const std::string& id,
                                    const std::string& root) {
  const auto taken = TakenIn(repo, id);
  if (taken.has_value()) return *taken;
  return absl::FailedPreconditionError(
      absl::StrCat(root, " is on branch ", BranchOf(id),
                   ", but no takeover began here, so it is not known from what. Nothing was "
                   "returned: run 'handoff takeover ",
                   id, "' for a work tree, and bring your changes there"));
}

}  // namespace

absl::StatusOr<std::string> FindTakenTree(const std::string& id, const std::string& directory) {
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  RETURN_IF_ERROR(InitGit(options));
  const std::string where = directory.empty() ? "." : directory;
  const std::string ways =
      absl::StrCat("Nothing was returned: run it there, name it with --dir, or give ", id,
                   " back as it was taken with --unchanged");
  const auto repo = OpenAround(where);
  if (absl::IsNotFound(repo.status())) {
    return absl::NotFoundError(
        absl::StrCat("there is no work tree of ", id, " at ", RealPath(where), ". ", ways));
  }
  RETURN_IF_ERROR(repo.status());
  const char* const workdir = git_repository_workdir(repo->get());
  const std::string root = std::string(absl::StripSuffix(
      RealPath(workdir != nullptr ? workdir : git_repository_path(repo->get())), "/"));
  ASSIGN_OR_RETURN(const std::vector<WorkTreePlace> all, WorkTreesOf(root));
  const std::vector<std::string> trees = TakenTrees(all, id);
  if (trees.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no work tree of this repository is one of ", id, ". ", ways));
  }
  const bool is_root = std::find(trees.begin(), trees.end(), root) != trees.end();
  const std::string which = absl::StrJoin(trees, " or ");
  if (!directory.empty() && !is_root) {
    return absl::NotFoundError(
        absl::StrCat("the work tree of ", id, " is ", which, ", not ", root, ". ", ways));
  }
  if (directory.empty() && trees.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("the work tree of ", id, " may be ", which, ", none of which is on branch ",
                     BranchOf(id), ". Nothing was returned: name it with --dir"));
  }
  const std::string tree = is_root ? root : trees[0];
  // Every file that it lacks would count as deleted by the person.
  if (tree != all[0].path && IsUnfilled(tree)) {
    return absl::FailedPreconditionError(absl::StrCat(
        tree,
        " was never filled: its takeover broke off. Nothing was returned: ", "'handoff takeover ",
        id, "' completes it, or give ", id, " back as it was taken with --unchanged"));
  }
  return tree;
}

absl::StatusOr<GivenBack> ReadGivenBack(const v1::Handoff& handoff, const std::string& root,
                                        const std::set<std::string>& include,
                                        const std::string& temp) {
  GivenBack given;
  ASSIGN_OR_RETURN(const PersonWork work, PersonWork::Open(root, temp));
  given.root = work.root();
  ASSIGN_OR_RETURN(const git_oid taken, TakenCommit(work.repo(), handoff.id(), root));
  given.based_on = OidText(taken);
  const bool plain = given.based_on == handoff.spec().repository().commit();
  ASSIGN_OR_RETURN(const TakenWork before, ReadTakenWork(work.repo(), given.based_on, plain));
  git_oid head;
  std::set<std::string> paths;
  // What the pool has already is held back no more.
  if (git_reference_name_to_id(&head, work.repo(), "HEAD") == 0) {
    ASSIGN_OR_RETURN(paths, FilesBeyond(work.repo(), head, before.tree));
  }
  const std::string here = RealPath(".");
  absl::string_view below = here;
  if (!absl::ConsumePrefix(&below, absl::StrCat(work.root(), "/"))) below = "";
  ASSIGN_OR_RETURN(const auto named, ResolveIncludes(include, work.root(), std::string(below)));
  paths.insert(named.begin(), named.end());
  ASSIGN_OR_RETURN(given.state, work.Read(paths, CheckpointEnding(handoff.id())));
  given.unchanged = IsUnchanged(before, given.state);
  if (given.unchanged) return given;
  ASSIGN_OR_RETURN(given.changes, ChangesSince(work.repo(), before, given.state));
  const v1::Checkpoint* const base = FindBase(handoff, given.based_on);
  given.whole = base != nullptr && base->packs_size() >= kMostPacks;
  ASSIGN_OR_RETURN(given.pack,
                   work.Pack(given.state.commit,
                             given.whole ? std::vector<git_oid>() : Known(handoff, base, taken),
                             absl::StrCat(temp, "/returned.pack")));
  return given;
}

v1::Checkpoint CheckpointOf(const v1::Handoff& handoff, const GivenBack& given, absl::Time now) {
  v1::Checkpoint out;
  out.set_commit(OidText(given.state.commit));
  out.set_head_commit(OidText(given.state.head));
  out.set_branch(EscapeInvalidUtf8(given.state.branch));
  const v1::Checkpoint* const base = FindBase(handoff, given.based_on);
  out.set_submitted_commit(base != nullptr && !base->submitted_commit().empty()
                               ? base->submitted_commit()
                               : SubmittedState(handoff.spec().repository()));
  const auto note = [&](const std::string& text) {
    if (out.notes_size() < kMostNotes) out.add_notes(OneLine(EscapeInvalidUtf8(text), kMostNote));
  };
  if (base != nullptr && !given.whole) {
    *out.mutable_packs() = base->packs();
    out.set_session(base->session());
    out.set_session_tree(base->session_tree());
  } else if (base != nullptr && !base->session().empty()) {
    note("the agent's session, which is in packs that were given up");
  }
  v1::Checkpoint::Pack& pack = *out.add_packs();
  pack.set_sha256(given.pack.sha256);
  pack.set_bytes(given.pack.bytes);
  for (const std::string& held : given.state.held_back) note(held);
  for (const std::string& text : given.state.notes) note(text);
  out.mutable_taken_at()->set_seconds(absl::ToUnixSeconds(now));
  return out;
}

void RememberReturned(const std::string& id, const std::string& actor, const GivenBack& given) {
  const auto directory = TakenDirectory::Make(given.root, id);
  if (!directory.ok()) return;
  directory->WriteRecord({id, actor, given.based_on, OidText(given.state.commit)}).IgnoreError();
}

}  // namespace handoff
