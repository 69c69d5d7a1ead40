// handoff fetch

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/fetched/work_branch.h"
#include "cli/fetched/work_diff.h"
#include "cli/get_work.h"
#include "cli/leaving.h"
#include "cli/snapshot/repository.h"
#include "cli/text/checkpoints.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

struct FetchFlags {
  std::string id = "-";
  std::optional<int> attempt;
  std::string as;
};

// Sets libgit2 up, which judges names.
absl::Status Check(const FetchFlags& flags) {
  if (flags.attempt.value_or(1) < 1) return absl::InvalidArgumentError("--attempt counts from 1");
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  RETURN_IF_ERROR(InitGit(options));
  if (flags.as.empty()) return absl::OkStatus();
  int valid = 0;
  const std::string ref = absl::StrCat("refs/heads/", flags.as);
  const bool fine = git_reference_name_is_valid(&valid, ref.c_str()) == 0 && valid == 1 &&
                    flags.as != "HEAD" && flags.as[0] != '-';
  if (fine) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--as ", flags.as, ": git takes no branch of that name"));
}

absl::StatusOr<GitRepository> OpenHere(const v1::Handoff& handoff) {
  auto repo = OpenAround(".");
  if (!absl::IsNotFound(repo.status())) return repo;
  return absl::NotFoundError(absl::StrCat("you are not in a repository, and the work of ",
                                          handoff.id(),
                                          " goes into one. Nothing was done: run it "
                                          "in a clone of ",
                                          RepoWords(handoff), "; 'handoff diff' needs none"));
}

// How many commits the agent made; -1: what was submitted is not here, or cannot be read.
int CountCommits(git_repository* repo, const git_oid& head, const std::string& base) {
  const auto from = ParseOid(base);
  GitRevwalk walk;
  if (!from.ok() || git_revwalk_new(walk.out(), repo) != 0) return -1;
  if (git_revwalk_push(walk.get(), &head) != 0 || git_revwalk_hide(walk.get(), &*from) != 0)
    return -1;
  int count = 0;
  git_oid id;
  int next = 0;
  while ((next = git_revwalk_next(&id, walk.get())) == 0) ++count;
  return next == GIT_ITEROVER ? count : -1;
}

// -1: what was submitted is not here.
int64_t CountFiles(git_repository* repo, const git_oid& tree, const std::string& submitted) {
  const auto id = ParseOid(submitted);
  if (!id.ok()) return -1;
  const auto from = TreeOfCommit(repo, *id);
  if (!from.ok()) return -1;
  const auto diff = CompareTrees(repo, *git_tree_id(from->get()), tree);
  return diff.ok() ? static_cast<int64_t>(FilesIn(diff->get())) : -1;
}

Fetched Describe(const v1::Handoff& handoff, const ChosenCheckpoint& chosen,
                 const FetchedObjects& objects, const Work& work, const git_oid& tip) {
  Fetched fetched;
  fetched.id = handoff.id();
  fetched.attempt = chosen.attempt;
  fetched.returned = chosen.returned;
  fetched.commit = OidText(tip);
  fetched.head_commit = OidText(work.head);
  fetched.uncommitted = !SameOid(tip, work.head);
  const v1::Checkpoint& checkpoint = *chosen.checkpoint;
  fetched.taken_at = TimeOf(checkpoint.taken_at());
  fetched.commits = CountCommits(objects.repo(), work.head, handoff.spec().repository().commit());
  fetched.files = CountFiles(objects.repo(), work.tree, checkpoint.submitted_commit());
  fetched.notes.assign(checkpoint.notes().begin(), checkpoint.notes().end());
  return fetched;
}

VerbResult Fetch(const FetchFlags& flags, Context& context) {
  RETURN_IF_ERROR(Check(flags));
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
  ASSIGN_OR_RETURN(const ChosenCheckpoint chosen,
                   ChooseCheckpoint(handoff, flags.attempt.value_or(0)));
  ASSIGN_OR_RETURN(const GitRepository repo, OpenHere(handoff));
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-fetch-"));
  Leaving leaving(context, temp.path(), "nothing was changed here");
  ASSIGN_OR_RETURN(FetchedObjects objects,
                   FetchedObjects::Make(absl::StrCat(temp.path(), "/objects"), repo.get()));
  Work work;
  const auto complete = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(work, ReadWork(objects.repo(), chosen.checkpoint->commit()));
    RETURN_IF_ERROR(objects.CheckTree(work.tree));
    return objects.CheckHistory(work.head);
  };
  RETURN_IF_ERROR(GetWork(handoff, *chosen.checkpoint, temp.path(), /*in_repository=*/true, context,
                          objects, complete));
  const WorkBranch branch{handoff.id(), chosen.attempt,
                          flags.as.empty() ? absl::StrCat("handoff/", handoff.id()) : flags.as};
  const v1::Repository& submitted = handoff.spec().repository();
  const WorkMark mark{handoff.id(), chosen.attempt, submitted.user_name(), submitted.user_email(),
                      TimeOf(chosen.checkpoint->taken_at())};
  ASSIGN_OR_RETURN(const git_oid tip, TipOfWork(objects.repo(), work, mark));
  Fetched fetched = Describe(handoff, chosen, objects, work, tip);
  fetched.branch = branch.branch;
  ASSIGN_OR_RETURN(const std::optional<git_oid> seen,
                   CheckBranch(objects, repo.get(), tip, branch));
  leaving.Stay();  // the repository is written to
  RETURN_IF_ERROR(objects.Install(tip));
  ASSIGN_OR_RETURN(fetched.changed, SetBranch(repo.get(), tip, seen, branch));
  context.terminal.Out(context.json ? FetchedToJsonLine(fetched)
                                    : absl::StrCat(fetched.branch, "\n"));
  for (const std::string& line : RenderFetched(fetched, context.terminal.ErrView())) {
    context.terminal.Say(line);
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineFetch(CLI::App& app) {
  const auto flags = std::make_shared<FetchFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  app.add_option("--attempt", flags->attempt,
                 "Of this attempt; the newest that counts unless given")
      ->type_name("N");
  app.add_option("--as", flags->as, "Into this branch instead of handoff/ID")->type_name("NAME");
  return [flags](Context& context) { return Fetch(*flags, context); };
}

}  // namespace handoff
