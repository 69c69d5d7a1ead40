#include "worker/rpc/convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "common/text.h"
#include "worker/proto_time.h"

namespace handoff::worker {
namespace {

constexpr size_t kStatusCommandBytes = 4096;

constexpr int kMaxMirrors = 1000;
constexpr size_t kMaxWorkspaces = 10000;

void AddAttempt(const AttemptStatus& status, v1::AttemptStatus* out) {
  out->set_handoff_id(status.key.handoff_id);
  out->set_number(status.key.number);
  out->set_epoch(status.epoch);
  out->set_stage(static_cast<v1::AttemptStatus::Stage>(status.stage));
  out->set_phase(EscapeInvalidUtf8(status.phase));
  out->set_stopping(status.stopping);
  out->set_frozen(status.frozen);
  out->set_stalled(status.stalled);
  if (status.started_at != absl::InfinitePast()) {
    ToProto(status.started_at, out->mutable_started_at());
  }
  if (status.last_activity_at != absl::InfinitePast()) {
    ToProto(status.last_activity_at, out->mutable_last_activity_at());
  }
  out->set_session(EscapeInvalidUtf8(status.session));
  out->set_last_line(EscapeInvalidUtf8(status.last_line));
  out->set_will_end(status.will_end);
  out->set_workspace(status.workspace);
  // For people meanwhile; the exact ones come with the end. An argv may have half a megabyte, and
  // every Sync lists every attempt.
  out->set_command(Clip(EscapeInvalidUtf8(status.command), kStatusCommandBytes));
  out->set_safe_command(Clip(EscapeInvalidUtf8(status.safe_command), kStatusCommandBytes));
  out->set_isolation(status.isolation);
  if (!status.facts.empty()) out->mutable_facts()->ParseFromString(status.facts);
}

void AddOffer(const AgentOffer& offer, v1::AgentOffer* out) {
  out->set_name(offer.name);
  out->set_state(static_cast<v1::AgentOffer::State>(offer.state));
  out->set_version(EscapeInvalidUtf8(offer.version));
  out->set_account(EscapeInvalidUtf8(offer.account));
  out->set_message(EscapeInvalidUtf8(offer.message));
  out->set_max_parallel(offer.max_parallel);
  if (offer.probed_at != absl::InfinitePast()) ToProto(offer.probed_at, out->mutable_probed_at());
}

// "id/number"
bool ParseKey(absl::string_view text, AttemptKey* key) {
  const auto slash = text.rfind('/');
  if (slash == absl::string_view::npos) return false;
  key->handoff_id = std::string(text.substr(0, slash));
  return absl::SimpleAtoi(text.substr(slash + 1), &key->number);
}

}  // namespace

v1::SyncRequest ToProto(const SyncRequest& request) {
  v1::SyncRequest out;
  out.set_pool_id(request.pool_id);
  out.set_worker_uuid(request.worker_uuid);
  out.set_name(request.name);
  out.set_start(request.start);
  out.set_nonce(request.nonce);
  out.set_seq(request.seq);
  out.set_host_boot_id(request.host_boot_id);
  out.set_version(request.version);
  out.set_ssh(request.ssh);
  v1::Enclosure& enclosure = *out.mutable_enclosure();
  enclosure.set_account(EscapeInvalidUtf8(request.enclosure.account));
  enclosure.set_uid(request.enclosure.uid);
  enclosure.set_network(request.enclosure.network);
  enclosure.set_isolation(request.enclosure.isolation);
  out.set_slots(request.slots);
  for (const auto& [key, value] : request.labels) (*out.mutable_labels())[key] = value;
  for (const AgentOffer& offer : request.agents) AddOffer(offer, out.add_agents());
  for (const AttemptStatus& status : request.attempts) AddAttempt(status, out.add_attempts());
  for (const std::string& key : request.repo_keys) {
    if (out.repo_keys_size() < kMaxMirrors) out.add_repo_keys(key);
  }
  // Ids begin with their date and are sorted: the newest are the ones that somebody goes on with.
  const size_t too_many =
      request.workspaces.size() - std::min(request.workspaces.size(), kMaxWorkspaces);
  for (size_t i = too_many; i < request.workspaces.size(); ++i) {
    out.add_workspaces(request.workspaces[i]);
  }
  out.set_disk_free_bytes(request.disk_free_bytes);
  out.set_not_accepting(request.not_accepting);
  if (request.now != absl::InfinitePast()) ToProto(request.now, out.mutable_now());
  out.set_renewal_problem(request.renewal_problem);
  for (const ProbeResult& probe : request.probes) {
    v1::ProbeResult* result = out.add_probes();
    result->set_key(probe.key);
    result->set_ok(probe.ok);
    result->set_message(EscapeInvalidUtf8(probe.message));
  }
  out.set_makes_turns(true);
  for (const TurnResult& from : request.turns) {
    v1::TurnResult* result = out.add_turns();
    result->set_number(from.number);
    result->mutable_turn()->ParseFromString(from.turn);
  }
  out.set_seen_term(request.seen_term);
  out.set_seen_revision(request.seen_revision);
  return out;
}

DesiredAttempt FromProto(const v1::DesiredAttempt& desired) {
  DesiredAttempt out;
  out.key = {desired.handoff_id(), desired.number()};
  out.epoch = desired.epoch();
  out.stop = desired.action() == v1::DesiredAttempt::STOP;
  out.lease = FromProto(desired.lease());
  if (desired.has_spec()) out.spec = desired.SerializeAsString();
  if (out.stop) {
    if (desired.stop_as() != v1::AttemptEnd::ENDED_BY_UNSPECIFIED) {
      out.stop_as = static_cast<EndedBy>(desired.stop_as());
    }
    out.stop_reason = desired.stop_reason();
    if (desired.has_stop_grace()) out.stop_grace = FromProto(desired.stop_grace());
  }
  return out;
}

SyncAnswer FromProto(const v1::SyncResponse& response) {
  SyncAnswer out;
  out.pool_id = response.pool_id();
  out.term = response.term();
  out.revision = response.revision();
  out.in_reply_to = response.in_reply_to();
  for (const auto& desired : response.attempts()) out.attempts.push_back(FromProto(desired));
  out.sync_after = FromProto(response.sync_after());
  out.draining = response.draining();
  for (const auto& probe : response.probes()) out.probes.push_back({probe.key(), probe.url()});
  for (const std::string& text : response.forget()) {
    AttemptKey key;
    if (ParseKey(text, &key)) out.forget.push_back(std::move(key));
  }
  out.purge.assign(response.purge().begin(), response.purge().end());
  for (const auto& wish : response.summaries()) {
    out.summaries.push_back({{wish.handoff_id(), wish.number()},
                             wish.wish(),
                             wish.agent(),
                             wish.model(),
                             wish.partial()});
  }
  for (const auto& wish : response.turns()) out.turns.push_back({wish.agent(), wish.number()});
  return out;
}

}  // namespace handoff::worker
