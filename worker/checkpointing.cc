#include "worker/checkpointing.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/environment.h"
#include "worker/housekeeping.h"
#include "worker/proto_time.h"
#include "worker/session_command.h"
#include "worker/session_files.h"

namespace handoff::worker {
namespace {

// A record names at most 64; what comes after so many stands alone, and the earlier ones can go.
constexpr int kMostPacksToBuildOn = 48;
constexpr int kRounds = 3;
constexpr int kMostNotes = 64;
constexpr size_t kMostNote = 300;

std::string TakenPath(const AttemptDir& dir) { return dir.path() + "/checkpoint.pb"; }
std::string StoredPath(const AttemptDir& dir) { return dir.path() + "/stored.pb"; }

// An empty one when there is none: the agent may have put anything in its place.
v1::Checkpoint ReadCheckpoint(const std::string& path) {
  v1::Checkpoint checkpoint;
  const auto bytes = ReadRegularFile(path);
  if (!bytes.ok() || !checkpoint.ParseFromString(*bytes)) return {};
  return checkpoint;
}

// But for the time at which it was taken.
bool SameState(const v1::Checkpoint& one, const v1::Checkpoint& other) {
  v1::Checkpoint a = one, b = other;
  a.clear_taken_at();
  b.clear_taken_at();
  return a.SerializeAsString() == b.SerializeAsString();
}

bool SamePacks(const v1::Checkpoint& one, const v1::Checkpoint& other) {
  return std::equal(one.packs().begin(), one.packs().end(), other.packs().begin(),
                    other.packs().end(),
                    [](const auto& a, const auto& b) { return a.sha256() == b.sha256(); });
}

bool CanBuildOn(const v1::Checkpoint& checkpoint) {
  return !checkpoint.commit().empty() && checkpoint.only_on_worker().empty() &&
         checkpoint.packs_size() < kMostPacksToBuildOn;
}

void SetPacks(const CheckpointResult& result, v1::Checkpoint& record) {
  record.clear_packs();
  if (!result.too_large.empty()) return;
  for (const CheckpointPack& pack : result.packs) {
    v1::Checkpoint::Pack& added = *record.add_packs();
    added.set_sha256(pack.sha256);
    added.set_bytes(pack.bytes);
  }
}

v1::Checkpoint RecordOf(const CheckpointResult& result, const std::string& session,
                        const std::string& left_out, absl::Time now) {
  v1::Checkpoint record;
  record.set_commit(result.commit);
  record.set_head_commit(result.head_commit);
  record.set_branch(EscapeInvalidUtf8(result.branch));
  record.set_submitted_commit(result.submitted_commit);
  if (!result.session_tree.empty()) {
    record.set_session(session);
    record.set_session_tree(result.session_tree);
  }
  SetPacks(result, record);
  record.set_only_on_worker(OneLine(EscapeInvalidUtf8(result.too_large), kMostNote));
  ToProto(now, record.mutable_taken_at());
  std::vector<std::string> notes = result.notes;
  if (!left_out.empty()) notes.insert(notes.begin(), left_out);
  for (const std::string& note : notes) {
    if (record.notes_size() == kMostNotes) break;
    record.add_notes(OneLine(EscapeInvalidUtf8(note), kMostNote));
  }
  return record;
}

}  // namespace

SessionPlace SessionPlaceOf(const Surroundings& around, const Attempt& attempt,
                            const std::string& session) {
  SessionPlace place;
  place.env = BaseEnvironment(around.config.path);
  for (const auto& [name, value] : attempt.wanted().env()) place.env[name] = value;
  for (const auto& [name, value] : around.config.agent(attempt.wanted().agent()).env) {
    place.env[name] = value;
  }
  place.home = place.env["HOME"];
  char* const resolved = ::realpath(attempt.workspace.c_str(), nullptr);
  place.directory = resolved == nullptr ? attempt.workspace : resolved;
  std::free(resolved);
  place.session = session;
  return place;
}

CheckpointKeeper::CheckpointKeeper(const Surroundings& around, const Attempt& attempt)
    : around_(around),
      key_(attempt.key),
      epoch_(attempt.epoch),
      dir_(attempt.dir),
      agent_(attempt.agent),
      place_(SessionPlaceOf(around, attempt, "")),
      given_(std::make_unique<v1::Checkpoint>(attempt.spec->checkpoint())),
      given_attempt_(attempt.spec->checkpoint_attempt()) {
  const v1::Repository& repository = attempt.wanted().repository();
  request_.workspace = attempt.workspace;
  request_.store = around.data.store(key_.handoff_id);
  request_.mirror = around.data.mirror(repository.key());
  request_.handoff_id = key_.handoff_id;
  request_.attempt = key_.number;
  if (attempt.has_repository()) request_.base_commit = attempt.end->facts().base_commit();
  request_.worktree_commit = repository.worktree_commit();
  request_.pack_dir = around.data.packs(key_.handoff_id, key_.number);
  request_.max_file_bytes = around.config.checkpoint_max_file_bytes;
  request_.max_pack_bytes = around.config.checkpoint_max_pack_bytes;
}

CheckpointKeeper::CheckpointKeeper(CheckpointKeeper&&) noexcept = default;
CheckpointKeeper::~CheckpointKeeper() = default;

// The newest that the coordinator has and this host too: of this attempt, of an earlier one that
// ran here, or the one that was brought here.
v1::Checkpoint CheckpointKeeper::Base() const {
  for (int number = key_.number; number > 0; --number) {
    const AttemptDir dir(around_.data.attempts(), {key_.handoff_id, number});
    const auto bytes = ReadRegularFile(StoredPath(dir));
    if (number == key_.number && bytes.ok() && bytes->empty()) return {};
    const v1::Checkpoint stored = ReadCheckpoint(StoredPath(dir));
    if (CanBuildOn(stored)) return stored;
    if (number == given_attempt_ && CanBuildOn(*given_)) return *given_;
    // What comes before it has as many packs.
    if (stored.packs_size() >= kMostPacksToBuildOn) return {};
  }
  return {};
}

CheckpointRequest CheckpointKeeper::RequestFor(const v1::Checkpoint& base) const {
  CheckpointRequest request = request_;
  request.stored_commit = base.commit();
  request.stored_session_tree = base.session_tree();
  for (const v1::Checkpoint::Pack& pack : base.packs()) {
    request.stored_packs.push_back({pack.sha256(), pack.bytes()});
  }
  return request;
}

absl::StatusOr<CheckpointKeeper::Taken> CheckpointKeeper::Take(const std::string& session,
                                                               bool running, int cancel) {
  if (!possible()) return absl::FailedPreconditionError("there is no repository");
  if (running) {
    // The last one is tried in any case; one more of a run that goes on may not fill the disk.
    const DiskState disk = LookAtDisk(around_.data.root(), around_.disk_reserve);
    if (!disk.not_accepting.empty()) return absl::ResourceExhaustedError(disk.not_accepting);
  }
  const v1::Checkpoint base = Base();
  CheckpointRequest request = RequestFor(base);
  SessionPlace place = place_;
  place.session = session;
  FoundSession found;
  if (agent_ != nullptr) {
    const SessionFiles where = SessionFilesOf(*agent_, place);
    found = FindSession(where, running);
    if (!found.files.empty()) request.session_root = where.root;
    request.session_files = found.files;
  }
  RETURN_IF_ERROR(MakeDirectories(request.pack_dir));
  ASSIGN_OR_RETURN(const CheckpointResult result,
                   around_.repo.Checkpoint(request, cancel, nullptr));
  const v1::Checkpoint record = RecordOf(result, session, found.left_out, around_.clock.Now());
  Taken taken;
  taken.changed = !SameState(record, ReadCheckpoint(TakenPath(dir_)));
  taken.has_news = base.commit().empty() ? record.packs_size() > 0 : !SamePacks(record, base);
  taken.too_large = result.too_large;
  if (taken.changed) {
    RETURN_IF_ERROR(WriteFileAtomically(TakenPath(dir_), record.SerializeAsString()));
  }
  RemovePacksBut(record);
  return taken;
}

absl::Status CheckpointKeeper::Repack(int cancel) {
  v1::Checkpoint record = ReadCheckpoint(TakenPath(dir_));
  CheckpointRequest request = RequestFor(Base());
  request.repack = true;
  RETURN_IF_ERROR(MakeDirectories(request.pack_dir));
  ASSIGN_OR_RETURN(const CheckpointResult result,
                   around_.repo.Checkpoint(request, cancel, nullptr));
  const bool same =
      result.commit == record.commit() && result.session_tree == record.session_tree();
  if (!same) return absl::DataLossError("the last checkpoint is not in the workspace's store");
  record.set_only_on_worker(OneLine(EscapeInvalidUtf8(result.too_large), kMostNote));
  SetPacks(result, record);
  RETURN_IF_ERROR(WriteFileAtomically(TakenPath(dir_), record.SerializeAsString()));
  RemovePacksBut(record);
  return absl::OkStatus();
}

// One that was not stored in time is part of the one that came after it.
void CheckpointKeeper::RemovePacksBut(const v1::Checkpoint& checkpoint) const {
  const auto names = ListDirectory(request_.pack_dir);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const bool wanted =
        std::any_of(checkpoint.packs().begin(), checkpoint.packs().end(),
                    [&](const auto& pack) { return absl::StrCat(pack.sha256(), ".pack") == name; });
    if (!wanted) RemoveTree(absl::StrCat(request_.pack_dir, "/", name)).IgnoreError();
  }
}

std::string CheckpointKeeper::PackPath(const std::string& sha256) const {
  return absl::StrCat(request_.pack_dir, "/", sha256, ".pack");
}

absl::Status CheckpointKeeper::Put(const std::vector<std::string>& packs, std::stop_token stop) {
  for (const std::string& sha256 : packs) {
    if (!PathExists(PackPath(sha256))) {
      RETURN_IF_ERROR(WriteFileAtomically(StoredPath(dir_), ""));
      return absl::DataLossError(
          absl::StrCat("the coordinator no longer has the pack ", sha256.substr(0, 12),
                       " of an earlier checkpoint, on which the last one builds"));
    }
    const absl::Status put = around_.client.PutObject(sha256, PackPath(sha256), stop);
    if (stop.stop_requested()) return absl::CancelledError("cancelled");
    RETURN_IF_ERROR(Annotate(put, "uploading the checkpoint"));
  }
  return absl::OkStatus();
}

// The coordinator has it, whatever this host can write. Without the note the next one builds on an
// earlier one, so the packs stay.
void CheckpointKeeper::NoteStored(const std::string& checkpoint) const {
  absl::Status noted = WriteFileAtomically(StoredPath(dir_), checkpoint);
  if (noted.ok()) noted = RemoveTree(request_.pack_dir);
  if (noted.ok()) return;
  SPDLOG_WARN("{}: a checkpoint is stored, but that could not be noted: {}", key_.ToString(),
              std::string(noted.message()));
}

absl::Status CheckpointKeeper::Store(bool again, std::stop_token stop) {
  const v1::Checkpoint stored = ReadCheckpoint(StoredPath(dir_));
  v1::Checkpoint last = ReadCheckpoint(TakenPath(dir_));
  // An older one that the coordinator can give to another host is worth more than one that it
  // cannot.
  if (!last.only_on_worker().empty() && !stored.commit().empty()) last = stored;
  if (last.commit().empty() || (!again && SameState(last, stored))) return absl::OkStatus();
  const CheckpointSave save{around_.pool_id(), key_, epoch_, last.SerializeAsString()};
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(const CheckpointAnswer answer, around_.client.SaveCheckpoint(save, stop));
    if (answer.missing.empty()) {
      NoteStored(save.checkpoint);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Put(answer.missing, stop));
  }
  return absl::AbortedError("the coordinator lost the packs of the checkpoint as they came");
}

absl::Status TakeLastCheckpoint(const Surroundings& around, Attempt& attempt,
                                AttemptControl& control, const std::string& session, bool started) {
  std::string& missing = *attempt.end->mutable_checkpoint_missing();
  missing.clear();
  CheckpointKeeper keeper(around, attempt);
  if (!attempt.has_repository()) {
    missing = "The handoff has no repository, so there is nothing to take a checkpoint of.";
    return absl::OkStatus();
  }
  if (!keeper.possible()) {
    missing = "The attempt ended before its workspace was there.";
    return absl::OkStatus();
  }
  if (started) SaveSession(around, attempt, session, control.leave().fd());
  // Of an attempt that nobody waits for any more too: whoever resumes it wants its work.
  const auto taken = keeper.Take(session, /*running=*/false, control.leave().fd());
  if (control.leaving()) return absl::CancelledError("the daemon leaves");
  if (!taken.ok()) {
    SPDLOG_ERROR("{}: no checkpoint could be taken: {}", attempt.key.ToString(),
                 std::string(taken.status().message()));
    missing = absl::StrCat("No checkpoint could be taken: ",
                           OneLine(EscapeInvalidUtf8(taken.status().message()), 1000),
                           ". The work is in the workspace on the worker.");
  } else if (!taken->too_large.empty()) {
    missing = absl::StrCat("The last state is on the worker only: ",
                           OneLine(EscapeInvalidUtf8(taken->too_large), 1000));
  } else if (!started && !taken->has_news) {
    // It would stand before the one with the session that the next attempt goes on with.
    missing = "No agent was started, and nothing changed since the last checkpoint.";
    RemoveTree(TakenPath(attempt.dir)).IgnoreError();
  }
  return absl::OkStatus();
}

}  // namespace handoff::worker
