#include "cli/takeover_tree.h"

#include "absl/strings/str_cat.h"
#include "cli/fetched/work_diff.h"
#include "cli/get_work.h"
#include "cli/snapshot/repository.h"
#include "cli/taken/taken_directory.h"
#include "cli/text/words.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

// Of a work tree that an earlier takeover made. True: it is the one, as the person left it.
absl::StatusOr<bool> IsCurrent(const v1::Handoff& handoff, const TakeoverBase& base, Ready& ready) {
  if (ready.place.kind != TakeoverPlace::kTaken) return false;
  const auto taken = TakenIn(ready.repo.get(), handoff.id());
  if (taken.has_value() && OidText(*taken) == base.commit) return true;
  ready.present.emplace();
  ready.present->objects = ready.work->objects();
  ASSIGN_OR_RETURN(ready.present->state,
                   CheckIsReturned(*ready.work, handoff.id(), handoff.returned().commit()));
  return false;
}

std::string WhoseWork(const TakeoverBase& base) {
  if (base.from.returned) return "what was returned last";
  if (base.from.attempt == 0) return "what was submitted";
  return absl::StrCat("attempt ", base.from.attempt, "'s work");
}

// Whatever the person is in the middle of.
Taken AsLeft(git_repository* repo, const TakeoverPlace& place) {
  Taken taken;
  taken.path = place.path;
  taken.existed = true;
  GitReference head;
  if (git_repository_head(head.out(), repo) != 0) return taken;
  taken.branch = git_reference_shorthand(head.get());
  if (const git_oid* const id = git_reference_target(head.get())) taken.head = OidText(*id);
  return taken;
}

absl::StatusOr<Taken> Describe(const TakeoverPlace& place, const TakeoverBase& base,
                               const WantedTree& wanted, git_repository* repo) {
  Taken taken;
  taken.path = place.path;
  taken.branch = wanted.branch.branch;
  taken.head = OidText(wanted.work.head);
  taken.whose = WhoseWork(base);
  ASSIGN_OR_RETURN(const GitTree head, TreeOfCommit(repo, wanted.work.head));
  ASSIGN_OR_RETURN(const GitDiff open,
                   CompareTrees(repo, *git_tree_id(head.get()), wanted.work.tree));
  taken.uncommitted = FilesIn(open.get());
  taken.notes = NotesOn(repo, wanted.work);
  for (const std::string& note : base.from.checkpoint->notes()) {
    taken.notes.push_back(absl::StrCat("not in it: ", note));
  }
  return taken;
}

}  // namespace

absl::StatusOr<Ready> GetReady(const WantedPlace& wanted, const v1::Handoff& handoff,
                               const std::string& temp) {
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  RETURN_IF_ERROR(InitGit(options));
  if (handoff.repo().empty() && !handoff.spec().has_repository()) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id(),
                     " has no repository, so there is no work to go on with by hand. Nothing was "
                     "changed"));
  }
  Ready ready;
  auto repo = OpenAround(".");
  if (absl::IsNotFound(repo.status())) {
    return absl::NotFoundError(absl::StrCat(
        "you are not in a repository, and the work tree of ", handoff.id(),
        " belongs to one. Nothing was changed: run it in a clone of ", RepoWords(handoff)));
  }
  RETURN_IF_ERROR(repo.status());
  ready.repo = *std::move(repo);
  ASSIGN_OR_RETURN(ready.place, ChoosePlace(ready.repo.get(), handoff.id(), wanted));
  if (ready.place.kind != TakeoverPlace::kHere && ready.place.kind != TakeoverPlace::kTaken) {
    return ready;
  }
  ASSIGN_OR_RETURN(ready.work, PersonWork::Open(ready.place.path, absl::StrCat(temp, "/present")));
  if (ready.place.kind == TakeoverPlace::kTaken) return ready;
  const v1::Repository& submitted = handoff.spec().repository();
  ready.present.emplace();
  ready.present->objects = ready.work->objects();
  ASSIGN_OR_RETURN(ready.present->state,
                   CheckIsSubmitted(*ready.work, submitted.commit(), submitted.worktree_commit()));
  return ready;
}

absl::StatusOr<Taken> MakeTree(const v1::Handoff& handoff, const TakeoverBase& base, Ready& ready,
                               const std::string& temp, Context& context, Leaving& leaving) {
  ASSIGN_OR_RETURN(const bool current, IsCurrent(handoff, base, ready));
  if (current) return AsLeft(ready.work->repo(), ready.place);
  git_repository* const own = ready.repo.get();
  ASSIGN_OR_RETURN(FetchedObjects objects,
                   FetchedObjects::Make(absl::StrCat(temp, "/objects"), own));
  WantedTree wanted;
  const auto complete = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(wanted.work, ReadTakenWork(objects.repo(), base.commit, base.plain));
    RETURN_IF_ERROR(objects.CheckTree(wanted.work.tree));
    RETURN_IF_ERROR(objects.CheckTree(wanted.work.index_tree));
    return objects.CheckHistory(wanted.work.head);
  };
  RETURN_IF_ERROR(GetWork(handoff, *base.from.checkpoint, temp, /*in_repository=*/true, context,
                          objects, complete));
  ASSIGN_OR_RETURN(wanted.base, ParseOid(base.commit));
  wanted.branch = {handoff.id(), base.from.attempt, absl::StrCat("handoff/", handoff.id()),
                   "takeover"};
  ASSIGN_OR_RETURN(Taken taken, Describe(ready.place, base, wanted, objects.repo()));
  leaving.Stay();  // the repository is written to
  RETURN_IF_ERROR(MakePlace(ready.place, wanted, ready.present, objects, own));
  return taken;
}

void PutBeside(const HandoffFiles& files, const v1::Handoff& handoff, const TakeoverBase& base,
               git_repository* own, Taken& taken) {
  absl::Status status = ExcludeFromGit(own);
  if (status.ok()) {
    const auto note = PutFiles(files, taken.path, handoff.id());
    status = note.status();
    if (note.ok() && !note->empty()) taken.notes.push_back(*note);
  }
  if (status.ok() && !taken.existed) {
    const auto directory = TakenDirectory::Make(taken.path, handoff.id());
    status = directory.ok()
                 ? directory->WriteRecord({handoff.id(), handoff.taken_by(), base.commit, ""})
                 : directory.status();
  }
  if (status.ok()) return;
  taken.notes.push_back(
      absl::StrCat("handoff.md and the logs are not beside the work: ", status.message(),
                   "; 'handoff show --md ", handoff.id(), "' prints it"));
}

}  // namespace handoff
