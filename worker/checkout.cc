#include "worker/checkout.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/bounds.h"
#include "worker/object_download.h"
#include "worker/repo/last_attempt.h"
#include "worker/session_restore.h"

namespace handoff::worker {
namespace {

std::string HoldKey(const v1::Repository& repository) {
  return absl::StrCat("repo:", repository.key());
}

// Only the words tell: handoff-repo passes on a code, and a limit of ours has the same one.
bool IsDiskFull(const absl::Status& status) {
  const std::string said = absl::AsciiStrToLower(status.message());
  return absl::IsResourceExhausted(status) &&
         (absl::StrContains(said, "no space left") || absl::StrContains(said, "disk quota"));
}

PrepareFailure Failed(const Surroundings& around, const absl::Status& status,
                      const v1::Repository& repository) {
  PrepareFailure failure = ClassifyCheckout(status, repository);
  if (IsDiskFull(status)) around.disk_faults.Note(failure.hold_key);
  return failure;
}

// Whether handoff-repo will go on in the workspace that is here. One that is older than the
// checkpoint is made anew.
bool IsKept(const Surroundings& around, const Attempt& attempt) {
  if (!PathExists(attempt.workspace)) return false;
  const int last = LastAttempt(around.data.store(attempt.key.handoff_id));
  if (last == attempt.key.number) return true;  // made for this very attempt
  return !attempt.spec->rebuild() && last >= attempt.spec->checkpoint_attempt();
}

// They become paths, also of what is only removed.
absl::Status CheckPackNames(const Attempt& attempt) {
  const std::string& submitted = attempt.wanted().repository().pack_sha256();
  bool fit = submitted.empty() || IsSha256Hex(submitted);
  for (const v1::Checkpoint::Pack& pack : attempt.spec->checkpoint().packs()) {
    fit &= IsSha256Hex(pack.sha256());
  }
  return fit ? absl::OkStatus()
             : absl::InvalidArgumentError("the name of a pack is no SHA-256 in lower-case hex");
}

// Everything that the coordinator has to send before the workspace can be made.
absl::Status BringPacks(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
                        AttemptBoard& board) {
  const v1::Repository& repository = attempt.wanted().repository();
  RETURN_IF_ERROR(CheckPackNames(attempt));
  const bool kept = IsKept(around, attempt);
  if (kept && !NeedsSession(around, attempt)) return absl::OkStatus();
  if (!kept && !repository.pack_sha256().empty()) {
    ObjectDownload submitted(around, repository.pack_sha256(), repository.pack_bytes(), control,
                             board);
    RETURN_IF_ERROR(Annotate(submitted.Run(), "getting the submitted pack"));
  }
  for (const v1::Checkpoint::Pack& pack : attempt.spec->checkpoint().packs()) {
    ObjectDownload part(around, pack.sha256(), pack.bytes(), control, board);
    RETURN_IF_ERROR(Annotate(part.Run(), absl::StrCat("getting the checkpoint of attempt ",
                                                      attempt.spec->checkpoint_attempt())));
  }
  return absl::OkStatus();
}

void SetCheckpoint(const Surroundings& around, const Attempt& attempt, PrepareRequest& request) {
  request.attempt = attempt.key.number;
  const v1::Checkpoint& checkpoint = attempt.spec->checkpoint();
  if (checkpoint.commit().empty()) return;
  request.checkpoint = checkpoint.commit();
  request.checkpoint_branch = checkpoint.branch();
  for (const v1::Checkpoint::Pack& pack : checkpoint.packs()) {
    request.checkpoint_packs.push_back(ObjectPath(around, pack.sha256(), attempt.key.handoff_id));
  }
  request.checkpoint_attempt = attempt.spec->checkpoint_attempt();
  request.rebuild = attempt.spec->rebuild();
  if (!NeedsSession(around, attempt)) return;
  request.session_tree = checkpoint.session_tree();
  request.session_dir = attempt.dir.session();
}

PrepareRequest RequestFor(const Surroundings& around, const Attempt& attempt) {
  const v1::Repository& repository = attempt.wanted().repository();
  const std::string& id = attempt.key.handoff_id;
  PrepareRequest request;
  request.url = repository.url();
  request.ref = repository.ref();
  request.commit = repository.commit();
  request.worktree_commit = repository.worktree_commit();
  if (!repository.pack_sha256().empty()) {
    request.pack_path = ObjectPath(around, repository.pack_sha256(), id);
    request.pack_complete = repository.pack_complete();
  }
  request.mirror = around.data.mirror(repository.key());
  request.store = around.data.store(id);
  request.workspace = attempt.workspace;
  request.handoff_id = id;
  request.branch = absl::StrCat("handoff/", id);
  // Commits must work on a bare host, also for a submitter without an identity.
  const std::string& owner = attempt.spec->handoff().owner();
  request.user_name = repository.user_name().empty() ? owner : repository.user_name();
  request.user_email =
      repository.user_email().empty() ? owner + "@localhost" : repository.user_email();
  request.credentials = around.config.repo;
  SetCheckpoint(around, attempt, request);
  return request;
}

}  // namespace

PrepareFailure ClassifyCheckout(const absl::Status& status, const v1::Repository& repository) {
  PrepareFailure failure{FailureClass::kCheckoutFailed, "", false, ""};
  const std::string said(status.message());
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      failure.host_fault = true;
      failure.hold_key = HoldKey(repository);
      failure.message = absl::StrCat("This worker may not read the repository: ", said,
                                     ". Give it a key or a token ([repo] in its configuration).");
      return failure;
    case absl::StatusCode::kResourceExhausted:
      if (!IsDiskFull(status)) break;  // too many refs, too large a file: so on every host
      failure.host_fault = true;
      failure.hold_key = HoldKey(repository);
      failure.message =
          absl::StrCat("The checkout did not fit on this worker: ", said, ". Free some space.");
      return failure;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      failure.failure = FailureClass::kNetwork;
      failure.message = absl::StrCat("The repository could not be reached: ", said, ".");
      return failure;
    case absl::StatusCode::kInternal:
      failure.failure = FailureClass::kInternal;
      failure.message = absl::StrCat("The checkout broke down: ", said, ".");
      return failure;
    default:
      break;
  }
  failure.message = absl::StrCat("The checkout failed: ", said, ".");
  return failure;
}

std::optional<PrepareFailure> CheckOut(const Surroundings& around, Attempt& attempt,
                                       AttemptControl& control, AttemptBoard& board) {
  const v1::Repository& repository = attempt.wanted().repository();
  const absl::Status got = BringPacks(around, attempt, control, board);
  const bool gone = absl::IsNotFound(got) || absl::IsDataLoss(got);
  // Into a workspace that is kept they bring nothing but the session.
  const bool without_session = gone && IsKept(around, attempt);
  if (!got.ok() && !without_session) return Failed(around, got, repository);
  const auto progress = [&](const std::string& text) {
    board.SetStage(Stage::kPreparing, absl::StrCat("preparing (", OneLine(text, 80), ")"),
                   AttemptBoard::Urgency::kSoon);
  };
  PrepareRequest request = RequestFor(around, attempt);
  if (without_session) request.session_tree.clear();
  auto result = around.repo.Prepare(request, control.interrupt().fd(), progress);
  const bool unfit = absl::IsInvalidArgument(result.status()) || absl::IsNotFound(result.status());
  if (unfit && !request.session_tree.empty()) {
    // The work counts for more than the conversation: it goes on without that.
    request.session_tree.clear();
    result = around.repo.Prepare(request, control.interrupt().fd(), progress);
  }
  if (!result.ok()) return Failed(around, result.status(), repository);
  if (!request.pack_path.empty()) RemoveTree(request.pack_path).IgnoreError();
  for (const std::string& pack : request.checkpoint_packs) RemoveTree(pack).IgnoreError();
  if (const absl::Status noted = around.data.NoteMirror(repository.key()); !noted.ok()) {
    return Failed(around, noted, repository);
  }
  attempt.end->mutable_facts()->set_base_commit(result->base_commit);
  attempt.end->mutable_facts()->set_branch(request.branch);
  // Those that a repeated preparation brings are known, and more may have been added.
  if (attempt.end->facts().notes_size() == 0)
    SetNotes(result->notes, *attempt.end->mutable_facts());
  return std::nullopt;
}

}  // namespace handoff::worker
