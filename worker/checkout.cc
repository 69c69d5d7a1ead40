#include "worker/checkout.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/bounds.h"
#include "worker/repo/last_attempt.h"
#include "worker/session_restore.h"

namespace handoff::worker {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(200), absl::Seconds(5)};

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

// One for each handoff: who has its workspace removes the file, whoever else was given the same
// pack.
std::string PackPath(const Surroundings& around, const std::string& sha256,
                     const std::string& handoff_id) {
  return around.data.object(absl::StrCat(sha256, ".", handoff_id));
}

// Whether handoff-repo will go on in the workspace that is here. One that is older than the
// checkpoint is made anew.
bool IsKept(const Surroundings& around, const Attempt& attempt) {
  if (!PathExists(attempt.workspace)) return false;
  const int last = LastAttempt(around.data.store(attempt.key.handoff_id));
  if (last == attempt.key.number) return true;  // made for this very attempt
  return !attempt.spec->rebuild() && last >= attempt.spec->checkpoint_attempt();
}

class PackDownload {
 public:
  PackDownload(const Surroundings& around, const std::string& sha256, uint64_t bytes,
               AttemptControl& control, AttemptBoard& board)
      : around_(around), sha256_(sha256), bytes_(bytes), control_(control), board_(board) {}

  // Continues what is there already. The coordinator may be away for as long as the lease allows.
  absl::Status Run() {
    const std::string path = PackPath(around_, sha256_, board_.Status().key.handoff_id);
    for (int failures = 0;;) {
      const absl::Status status = Try(path);
      const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
      if (!away || control_.interrupt().raised()) return status;
      ++failures;
      control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(failures, 0.5));
    }
  }

 private:
  absl::Status Try(const std::string& path) {
    if (PathExists(path)) return absl::OkStatus();
    const std::string part = absl::StrCat(path, ".part");
    ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(part, O_RDWR | O_CREAT));
    ASSIGN_OR_RETURN(uint64_t offset, FileSize(part));
    const auto sink = [&](absl::string_view data) -> absl::Status {
      RETURN_IF_ERROR(PWriteAll(fd.get(), data, offset));
      offset += data.size();
      Show(offset);
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(around_.client.GetObject(sha256_, offset, sink, control_.interrupt().token()));
    ASSIGN_OR_RETURN(const std::string sum, SumOf(fd.get(), offset));
    if (sum != sha256_) {
      RETURN_IF_ERROR(RemoveTree(part));
      return absl::DataLossError("it arrived damaged");
    }
    if (std::rename(part.c_str(), path.c_str()) != 0) {
      return ErrnoToStatus(errno, absl::StrCat("renaming to ", path));
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<std::string> SumOf(int fd, uint64_t bytes) {
    Sha256 sum;
    std::string block(1 << 20, '\0');
    for (uint64_t at = 0; at < bytes;) {
      const ssize_t n = ::pread(fd, block.data(), block.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoToStatus(errno, "reading a pack");
      if (n == 0) break;
      sum.Update(absl::string_view(block.data(), static_cast<size_t>(n)));
      at += static_cast<uint64_t>(n);
    }
    return sum.Hex();
  }

  void Show(uint64_t offset) {
    const uint64_t total = std::max<uint64_t>(bytes_, 1);
    const uint64_t percent = std::min<uint64_t>(100, offset * 100 / total);
    if (percent == shown_) return;
    shown_ = percent;
    board_.SetStage(Stage::kPreparing, absl::StrCat("preparing (downloading ", percent, " %)"),
                    AttemptBoard::Urgency::kSoon);
  }

  const Surroundings& around_;
  const std::string sha256_;
  const uint64_t bytes_;
  AttemptControl& control_;
  AttemptBoard& board_;
  uint64_t shown_ = 0;
};

// Everything that the coordinator has to send before the workspace can be made.
absl::Status BringPacks(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
                        AttemptBoard& board) {
  const v1::Repository& repository = attempt.wanted().repository();
  const bool kept = IsKept(around, attempt);
  if (kept && !NeedsSession(around, attempt)) return absl::OkStatus();
  if (!kept && !repository.pack_sha256().empty()) {
    PackDownload submitted(around, repository.pack_sha256(), repository.pack_bytes(), control,
                           board);
    RETURN_IF_ERROR(Annotate(submitted.Run(), "getting the submitted pack"));
  }
  for (const v1::Checkpoint::Pack& pack : attempt.spec->checkpoint().packs()) {
    PackDownload part(around, pack.sha256(), pack.bytes(), control, board);
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
    request.checkpoint_packs.push_back(PackPath(around, pack.sha256(), attempt.key.handoff_id));
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
    request.pack_path = PackPath(around, repository.pack_sha256(), id);
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
