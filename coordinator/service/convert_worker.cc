// The part of convert.h that workers are shown and told.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/rpc/limits.h"
#include "common/rpc/proto_time.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/limits.h"
#include "coordinator/service/convert.h"

namespace handoff {
namespace {

constexpr size_t kMaxSpecBytes = 1 << 20;
constexpr size_t kMaxPageBytes = 2 << 20;
// The rest of the message is left to what else an answer says.
constexpr size_t kMaxOneSpecBytes = size_t{kMaxMessageBytes} - (size_t{256} << 10);

v1::AgentOffer OfferToProto(const core::AgentOffer& from) {
  v1::AgentOffer offer;
  offer.set_name(from.name);
  offer.set_state(static_cast<v1::AgentOffer::State>(from.state));
  offer.set_version(from.version);
  offer.set_account(from.account);
  offer.set_message(from.message);
  offer.set_max_parallel(from.max_parallel);
  if (from.probed_at != absl::InfinitePast()) *offer.mutable_probed_at() = ToProto(from.probed_at);
  return offer;
}

v1::Hold HoldToProto(const core::Hold& from) {
  v1::Hold hold;
  hold.set_key(from.key);
  hold.set_reason(from.reason);
  *hold.mutable_since() = ToProto(from.since);
  *hold.mutable_next_probe() = ToProto(from.next_probe);
  return hold;
}

v1::DesiredAttempt DesiredToProto(const core::Sync::Desired& from) {
  v1::DesiredAttempt desired;
  desired.set_handoff_id(from.handoff_id);
  desired.set_number(from.number);
  desired.set_epoch(from.epoch);
  desired.set_action(from.stop ? v1::DesiredAttempt::STOP : v1::DesiredAttempt::RUN);
  *desired.mutable_lease() = ToProto(from.lease);
  if (from.stop) {
    desired.set_stop_as(static_cast<v1::AttemptEnd::EndedBy>(from.stop_as));
    desired.set_stop_reason(from.stop_reason);
    *desired.mutable_stop_grace() = ToProto(core::kStopGrace);
  }
  return desired;
}

// What an attempt needs of the record: the task from the spec, and of each section what stands.
v1::Handoff RecordFor(const core::Handoff& handoff) {
  v1::Handoff record = ToProto(handoff, Detail::kFull);
  ShowEnvironment(handoff, record);
  if (!record.spec().task().empty()) record.clear_task();
  std::map<std::string, int> last;
  for (const v1::SectionEdit& edit : record.edits()) last[edit.section()] = edit.version();
  auto& edits = *record.mutable_edits();
  edits.erase(std::remove_if(edits.begin(), edits.end(),
                             [&](const auto& e) { return last[e.section()] != e.version(); }),
              edits.end());
  return record;
}

v1::AttemptSpec ToSpec(const core::Handoff& handoff) {
  v1::AttemptSpec spec;
  *spec.mutable_handoff() = RecordFor(handoff);
  const core::Attempt* attempt = handoff.Latest();
  if (attempt == nullptr) return spec;
  spec.set_session(attempt->session);
  spec.set_session_kind(static_cast<v1::Attempt::SessionKind>(attempt->session_kind));
  spec.set_only_checks(attempt->only_checks);
  const core::Head start = core::StartOf(handoff, *attempt);
  v1::Checkpoint checkpoint;
  if (start.checkpoint != nullptr && checkpoint.ParseFromString(start.checkpoint->bytes)) {
    *spec.mutable_checkpoint() = std::move(checkpoint);
    spec.set_checkpoint_attempt(start.kept_since());
    spec.set_rebuild(start.asked);
  }
  return spec;
}

// Those who see less of it than its owner are not told which agent and account it uses.
void AddHeld(const core::ListWorkers::Slot& slot, const Eyes& eyes, v1::Worker& worker) {
  const bool own = slot.owner == eyes.subject;
  if (!own && !(slot.is_private ? eyes.others_listed : eyes.others)) return;
  v1::Worker::Slot& held = *worker.add_held();
  held.set_attempt(absl::StrCat(slot.handoff_id, "/", slot.number));
  held.set_owner(slot.owner);
  held.set_exclusive(slot.exclusive);
  worker.add_attempts(held.attempt());
  if (!own && slot.is_private && !eyes.others_private) return;
  held.set_agent(slot.agent);
  held.set_account(slot.account);
}

}  // namespace

v1::Enclosure ToProto(const core::Enclosure& from) {
  v1::Enclosure enclosure;
  enclosure.set_account(from.account);
  enclosure.set_uid(from.uid);
  enclosure.set_network(from.network);
  enclosure.set_isolation(from.isolation);
  return enclosure;
}

v1::Worker ToProto(const core::ListWorkers::Item& item, const Eyes& eyes) {
  const core::Worker& from = item.worker;
  v1::Worker worker;
  worker.set_name(from.name);
  worker.set_uuid(from.uuid);
  worker.set_reachable(item.reachable);
  if (from.last_seen != absl::InfinitePast()) *worker.mutable_last_seen() = ToProto(from.last_seen);
  if (from.registered_at != absl::InfinitePast()) {
    *worker.mutable_registered_at() = ToProto(from.registered_at);
  }
  worker.set_slots(from.slots);
  worker.set_slots_used(static_cast<int>(item.attempts.size()));
  worker.mutable_labels()->insert(from.labels.begin(), from.labels.end());
  for (const core::AgentOffer& offer : from.agents) *worker.add_agents() = OfferToProto(offer);
  worker.set_draining(from.draining);
  worker.set_drain_reason(from.drain_reason);
  worker.set_not_accepting(from.not_accepting);
  worker.set_disk_free_bytes(from.disk_free_bytes);
  for (const core::Hold& hold : item.holds) *worker.add_holds() = HoldToProto(hold);
  for (const core::ListWorkers::Slot& slot : item.attempts) AddHeld(slot, eyes, worker);
  worker.set_owner(from.owner);
  worker.set_shared(from.shared);
  for (const std::string& pattern : from.repos) worker.add_repos(pattern);
  worker.set_version(from.version);
  worker.set_ssh(from.ssh);
  if (from.enclosure.has_value()) *worker.mutable_enclosure() = ToProto(*from.enclosure);
  if (item.certificate_until != absl::InfinitePast()) {
    *worker.mutable_certificate_issued_at() = ToProto(item.certificate_since);
    *worker.mutable_certificate_not_after() = ToProto(item.certificate_until);
  }
  worker.set_renewal_problem(from.renewal_problem);
  if (from.clock_ahead.has_value()) *worker.mutable_clock_ahead() = ToProto(*from.clock_ahead);
  for (const core::AgentTurn& turn : item.turns) *worker.add_turns() = ToProto(turn);
  return worker;
}

v1::ListWorkersResponse ToProto(const core::ListWorkers::Reply& reply,
                                const std::string& page_token, const Eyes& eyes) {
  std::map<std::string, const core::ListWorkers::Item*> by_name;
  for (const auto& item : reply.workers) by_name[item.worker.name] = &item;
  v1::ListWorkersResponse response;
  size_t bytes = 0;
  for (auto it = by_name.upper_bound(page_token); it != by_name.end(); ++it) {
    v1::Worker worker = ToProto(*it->second, eyes);
    bytes += worker.ByteSizeLong();
    if (bytes > kMaxPageBytes && response.workers_size() > 0) {
      response.set_next_page_token(response.workers(response.workers_size() - 1).name());
      break;
    }
    *response.add_workers() = std::move(worker);
  }
  return response;
}

v1::SyncResponse ToProto(const SyncAnswer& answer) {
  v1::SyncResponse response;
  response.set_pool_id(answer.pool_id);
  response.set_term(answer.term);
  response.set_revision(answer.revision);
  response.set_in_reply_to(answer.in_reply_to);
  response.set_draining(answer.reply.draining);
  *response.mutable_sync_after() = ToProto(absl::ZeroDuration());
  for (const auto& [key, url] : answer.reply.probes) {
    v1::Probe& probe = *response.add_probes();
    probe.set_key(key);
    probe.set_url(url);
  }
  for (const auto& [id, number] : answer.reply.forget) {
    response.add_forget(absl::StrCat(id, "/", number));
  }
  for (const std::string& id : answer.reply.purge) response.add_purge(id);
  for (const core::SummaryWish& wish : answer.reply.summaries)
    *response.add_summaries() = ToProto(wish);
  for (const core::AgentTurn& turn : answer.reply.turns) {
    v1::TurnWish& wish = *response.add_turns();
    wish.set_agent(turn.agent);
    wish.set_number(turn.number);
  }
  size_t next_spec = 0;
  size_t bytes = 0;
  for (const core::Sync::Desired& from : answer.reply.attempts) {
    v1::DesiredAttempt desired = DesiredToProto(from);
    if (from.with_spec) {
      CHECK(next_spec < answer.specs.size());
      *desired.mutable_spec() = ToSpec(answer.specs[next_spec++]);
      // Left out, it is not listed by the worker's next request and comes then.
      const size_t more = desired.ByteSizeLong();
      if (more > kMaxOneSpecBytes) {  // or nothing of this answer would arrive
        SPDLOG_ERROR("{}/{} has {} bytes and cannot be sent to a worker", from.handoff_id,
                     from.number, more);
        continue;
      }
      if (bytes > 0 && bytes + more > kMaxSpecBytes) continue;
      bytes += more;
    }
    *response.add_attempts() = std::move(desired);
  }
  return response;
}

}  // namespace handoff
