#include "worker/session_restore.h"

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "handoff/v1/pool.pb.h"
#include "worker/checkpointing.h"
#include "worker/session_command.h"
#include "worker/session_files.h"

namespace handoff::worker {
namespace {

absl::Status Restore(const Surroundings& around, const Attempt& attempt, int cancel) {
  if (attempt.agent == nullptr || attempt.spec->checkpoint().session_tree().empty()) {
    return absl::NotFoundError("the checkpoint holds none of its files");
  }
  RETURN_IF_ERROR(PlaceSession(
      *attempt.agent, SessionPlaceOf(around, attempt, attempt.spec->session()),
      attempt.dir.session(), absl::StrCat(attempt.key.handoff_id, "-", attempt.key.number)));
  return LoadSession(around, attempt, attempt.spec->session(), cancel);
}

}  // namespace

bool NeedsSession(const Surroundings& around, const Attempt& attempt) {
  const v1::Checkpoint& checkpoint = attempt.spec->checkpoint();
  const std::string& session = attempt.spec->session();
  const bool held = !session.empty() && checkpoint.session() == session &&
                    !checkpoint.session_tree().empty() && attempt.agent != nullptr;
  if (!held) return false;
  if (attempt.end->session_kind() == v1::Attempt::RESTORED) return true;
  if (attempt.end->session_kind() != v1::Attempt::SAME) return false;
  const SessionPlace place = SessionPlaceOf(around, attempt, session);
  return FindSession(SessionFilesOf(*attempt.agent, place), /*running=*/false).files.empty();
}

void RestoreSession(const Surroundings& around, Attempt& attempt, int cancel) {
  // It becomes an argument and a path, and is what another worker once said.
  const std::string& session = attempt.spec->session();
  if (!session.empty() && !IsSessionId(session)) {
    attempt.BeginAfresh("has a name that is none");
    return;
  }
  v1::AttemptEnd& end = *attempt.end;
  if (end.session_kind() != v1::Attempt::RESTORED && !NeedsSession(around, attempt)) return;
  const absl::Status restored = Restore(around, attempt, cancel);
  RemoveTree(attempt.dir.session()).IgnoreError();
  if (restored.ok()) {
    end.set_session_kind(v1::Attempt::RESTORED);
    return;
  }
  SPDLOG_WARN("{}: the session could not be restored: {}", attempt.key.ToString(),
              std::string(restored.message()));
  attempt.BeginAfresh(
      absl::StrCat("could not be restored on this host (", restored.message(), ")"));
}

}  // namespace handoff::worker
