#include "worker/attempt.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/handoff/describe.h"
#include "common/handoff/names.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {

Attempt::Attempt(const Surroundings& around, const AttemptKey& attempt, uint64_t held_epoch)
    : key(attempt),
      epoch(held_epoch),
      dir(around.data.attempts(), attempt),
      files(around.data.repository(attempt.handoff_id), attempt.handoff_id,
            around.data.attempts(attempt.handoff_id)),
      workspace(around.data.repository(attempt.handoff_id)),
      spec(std::make_unique<v1::AttemptSpec>()),
      end(std::make_unique<v1::AttemptEnd>()) {}

Attempt::Attempt(Attempt&&) noexcept = default;
Attempt::~Attempt() = default;

absl::StatusOr<Attempt> Attempt::Parse(
    const Surroundings& around, const std::string& desired,
    const std::function<const Agent*(const std::string&)>& find) {
  v1::DesiredAttempt message;
  if (!message.ParseFromString(desired) || !message.has_spec() ||
      message.handoff_id() != message.spec().handoff().id()) {
    return absl::InvalidArgumentError("the attempt's specification cannot be read");
  }
  Attempt attempt(around, {message.handoff_id(), message.number()}, message.epoch());
  attempt.spec->Swap(message.mutable_spec());
  attempt.agent = find(attempt.wanted().agent());
  attempt.end->set_workspace(attempt.workspace);
  attempt.end->set_session(attempt.spec->session());
  attempt.end->set_session_kind(attempt.spec->session_kind());
  return attempt;
}

const v1::HandoffSpec& Attempt::wanted() const { return spec->handoff().spec(); }

bool Attempt::has_repository() const { return wanted().has_repository(); }

std::string Attempt::marker() const { return absl::StrCat(key.handoff_id, "/", epoch); }

std::string Attempt::folder() const {
  const bool in_root = agent == nullptr || agent->has_stream();
  return in_root ? "" : wanted().repository().directory();
}

std::string Attempt::directory() const {
  return folder().empty() ? workspace : absl::StrCat(workspace, "/", folder());
}

std::vector<std::string> Attempt::EnvironmentOf(const WorkerConfig& config,
                                                const Environment& of_agent,
                                                const std::string& shim_directory) const {
  const auto& env = wanted().env();
  return Flatten({BaseEnvironment(config.path),
                  {{"TMPDIR", dir.tmp()}},
                  of_agent,
                  Environment(env.begin(), env.end()),
                  config.agent(wanted().agent()).env,
                  {{"HANDOFF_ID", key.handoff_id},
                   {"HANDOFF_ATTEMPT", marker()},
                   {kChildrenVariable, wanted().child() ? kChildrenAllowed : kChildrenRefused},
                   {"HANDOFF_ATTEMPT_DIR", shim_directory}}});
}

void Attempt::EndStrays() const {
  const absl::Status ended = EndLeftovers(ShimStarted{}, dir.path());
  if (!ended.ok()) SPDLOG_ERROR("{}: {}", key.ToString(), std::string(ended.message()));
}

void Attempt::BeginAfresh(absl::string_view why) {
  end->mutable_facts()->add_notes(
      OneLine(EscapeInvalidUtf8(absl::StrCat("The session ", spec->session(), " ", why,
                                             ", so a fresh one was begun.")),
              300));
  end->clear_session();
  end->set_session_kind(v1::Attempt::FRESH);
  spec->clear_session();
}

absl::Status Attempt::SaveLaunch() const {
  return WriteFileAtomically(dir.launch(), end->SerializeAsString());
}

void Attempt::LoadLaunch() {
  const auto saved = ReadRegularFile(dir.launch());
  if (!saved.ok() || !end->ParseFromString(*saved)) return;
  // The one that was wanted could not be had.
  if (end->session_kind() == v1::Attempt::FRESH) spec->clear_session();
}

v1::Handoff Attempt::Record(const std::string& worker) const {
  v1::Handoff handoff = spec->handoff();
  handoff.set_status(v1::Handoff::RUNNING);
  v1::Attempt* attempt = nullptr;
  for (v1::Attempt& known : *handoff.mutable_attempts()) {
    if (known.number() == key.number) attempt = &known;
  }
  if (attempt == nullptr) attempt = handoff.add_attempts();
  attempt->set_number(key.number);
  attempt->set_state(v1::Attempt::RUNNING);
  attempt->set_worker(worker);
  attempt->set_epoch(epoch);
  attempt->set_only_checks(spec->only_checks());
  attempt->set_session(end->session());
  attempt->set_session_kind(end->session_kind());
  attempt->set_session_verified(end->session_verified());
  attempt->set_workspace(end->workspace());
  attempt->set_command(end->command());
  attempt->set_safe_command(end->safe_command());
  attempt->set_isolation(end->isolation());
  attempt->set_account(end->account());
  if (end->has_started_at()) *attempt->mutable_started_at() = end->started_at();
  *attempt->mutable_facts() = end->facts();
  handoff.set_base_commit(end->facts().base_commit());
  return handoff;
}

std::string Attempt::Document(const std::string& worker, const v1::Facts* reported) const {
  v1::Handoff handoff = Record(worker);
  if (reported != nullptr) {
    handoff.mutable_attempts()->rbegin()->mutable_facts()->MergeFrom(*reported);
  }
  return Render(Describe(handoff));
}

}  // namespace handoff::worker
