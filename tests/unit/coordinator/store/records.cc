#include "tests/unit/coordinator/store/records.h"

#include <utility>

namespace handoff {

std::string RecordSource::Text() {
  static const std::string all[] = {"",
                                    "plain",
                                    std::string("nul\0inside", 10),
                                    "line\nbreak",
                                    "per%cent=sign",
                                    "\xff\xfe",
                                    "quote'\"--;",
                                    "Grüße"};
  std::string text = all[Below(8)];
  if (Below(20) == 0) text += std::string(10'000, 'x');
  return text;
}

absl::Time RecordSource::Time() {
  switch (Below(4)) {
    case 0:
      return absl::InfinitePast();
    case 1:
      return absl::InfiniteFuture();
    default:
      return absl::FromUnixNanos(1'795'000'000'000'000'000 + static_cast<int64_t>(random_()));
  }
}

core::AttemptEnd RecordSource::End() {
  core::AttemptEnd end;
  end.failure = static_cast<FailureClass>(Below(18));
  end.message = Text();
  end.ended_by = static_cast<EndedBy>(1 + Below(12));
  end.host_fault = Flip();
  end.hold_key = Text();
  end.changed = Flip();
  end.verified = Flip();
  end.session = Text();
  end.session_kind = static_cast<core::SessionKind>(Below(5));
  end.head_commit = Text();
  if (Flip()) end.exit_code = static_cast<int>(Below(3)) - 1;
  end.files_changed = Below(9);
  end.lines_added = Below(9);
  end.lines_deleted = Below(9);
  end.checks_run = static_cast<int>(Below(9));
  end.checks_passed = static_cast<int>(Below(9));
  end.log_bytes = random_();
  end.log_sha256 = Text();
  end.started_at = Time();
  end.ended_at = Time();
  end.retry_at = Time();
  end.bytes = Text();
  return end;
}

core::Attempt RecordSource::Attempt(int number, bool latest, bool ended) {
  core::Attempt attempt;
  attempt.number = number;
  // Only the latest attempt of a handoff that has not ended can be live.
  attempt.state = static_cast<core::AttemptState>(latest && !ended ? 1 + Below(4) : 5 + Below(4));
  attempt.epoch = (uint64_t{1} << 32) + random_();
  attempt.worker_uuid = absl::StrCat("worker-", Below(3));
  attempt.worker_name = Text();
  attempt.created_at = Time();
  attempt.leased_at = Time();
  attempt.session = Text();
  attempt.session_kind = static_cast<core::SessionKind>(Below(5));
  attempt.stop_as = static_cast<EndedBy>(1 + Below(11));
  attempt.stop_reason = Text();
  if (core::IsTerminal(attempt.state) && Flip()) attempt.end = End();
  attempt.arrived_after_loss = Flip();
  attempt.from_attempt = Below(3);
  attempt.from_commit = Text();
  attempt.account = Text();
  attempt.only_checks = Flip();
  attempt.summary = Text();
  attempt.push = Text();
  attempt.checkpoint = Checkpoint();
  attempt.late_checkpoint = Checkpoint();
  attempt.lease_until = Time();
  attempt.offered = Flip();
  return attempt;
}

core::Handoff RecordSource::NewHandoff(uint64_t seq) {
  core::Handoff handoff;
  handoff.seq = seq;
  handoff.id = absl::StrCat("20261120-task-", seq);
  handoff.owner = absl::StrCat("owner-", Below(3));
  if (Flip()) handoff.idempotency_key = absl::StrCat("key-", seq);
  Change(handoff);
  return handoff;
}

void RecordSource::Change(core::Handoff& handoff) {
  handoff.status = static_cast<core::HandoffStatus>(1 + Below(8));
  handoff.failure = static_cast<FailureClass>(Below(18));
  handoff.reason = Text();
  handoff.verified = Flip();
  handoff.changed = Flip();
  handoff.task_line = Text();
  handoff.agent = Text();
  handoff.model = Text();
  handoff.repo_key = Text();
  handoff.repo_url = Text();
  handoff.repo_ref = Text();
  handoff.pack_sha256 = Text();
  handoff.labels = {{Text(), Text()}, {Text(), Text()}};
  handoff.require = Flip() ? std::map<std::string, std::string>{}
                           : std::map<std::string, std::string>{{Text(), Text()}};
  handoff.on_worker = Text();
  handoff.prefer_worker = Text();
  handoff.exclusive = Flip();
  handoff.priority = Below(20) - 10;
  handoff.retries = Below(5);
  handoff.lease = absl::Seconds(Below(4000));
  handoff.deadline = Time();
  handoff.content_hash = Text();
  if (Flip()) handoff.spec = Text();
  handoff.created_at = Time();
  handoff.updated_at = Time();
  handoff.ended_at = Time();
  handoff.not_before = Time();
  handoff.retries_used = Below(5);
  handoff.inputs = Flip() ? std::set<std::string>{} : std::set<std::string>{Text(), Text()};
  handoff.avoid = Flip() ? std::set<std::string>{} : std::set<std::string>{Text(), Text()};
  const int attempts = std::max(static_cast<int>(handoff.attempts.size()), 1) + Below(2);
  handoff.check_retries = Below(3);
  handoff.check_retries_used = Below(3);
  handoff.notify = Flip() ? std::set<std::string>{} : std::set<std::string>{Text()};
  handoff.dedupe_key = Text();
  handoff.question = Text();
  handoff.go_on_from = Below(3);
  handoff.sessions_from = 1 + Below(3);
  handoff.taken_by = Text();
  handoff.taken_at = Time();
  handoff.taken_on = Text();
  handoff.by_hand_on = Text();
  handoff.returned = Checkpoint();
  handoff.returned_after = Below(3);
  handoff.deleted = Flip();
  handoff.is_private = Flip();
  handoff.stored_bytes = static_cast<uint64_t>(Below(1000));
  if (Flip()) {
    handoff.edits.push_back(
        {static_cast<int>(handoff.edits.size()) + 1, Text(), Text(), Text(), Time()});
  }
  for (core::Message& message : handoff.messages) message.delivered |= Flip();
  if (Flip()) handoff.messages.push_back(Message(static_cast<int>(handoff.messages.size()) + 1));
  const bool ended = core::IsAtRest(handoff.status);
  for (int n = 1; n <= attempts; ++n) {
    const bool known = n <= static_cast<int>(handoff.attempts.size());
    // An earlier attempt mostly stays as it is, but a late report may change it.
    if (known && n < attempts && core::IsTerminal(handoff.attempts[n - 1].state) && Below(4) > 0) {
      continue;
    }
    core::Attempt attempt = Attempt(n, n == attempts, ended);
    if (known) {
      handoff.attempts[n - 1] = std::move(attempt);
    } else {
      handoff.attempts.push_back(std::move(attempt));
    }
  }
}

core::Message RecordSource::Message(int number) {
  core::Message message;
  message.number = number;
  message.origin = Flip() ? core::Message::Origin::kPerson : core::Message::Origin::kChecks;
  message.author = Text();
  message.text = Text();
  message.sent_at = Time();
  message.attempt = Below(3);
  message.delivered = Flip();
  message.dropped = Flip();
  return message;
}

core::Checkpoint RecordSource::Checkpoint() {
  core::Checkpoint checkpoint;
  if (Flip()) return checkpoint;
  checkpoint.commit = Text();
  checkpoint.session = Text();
  checkpoint.packs = Flip() ? std::set<std::string>{} : std::set<std::string>{Text(), Text()};
  checkpoint.taken_at = Time();
  checkpoint.bytes = Text();
  return checkpoint;
}

core::Worker RecordSource::Worker(int n) {
  core::Worker worker;
  worker.uuid = absl::StrCat("worker-", n);
  worker.name = absl::StrCat("name-", n);
  worker.registered_at = Time();
  worker.draining = Flip();
  worker.drain_reason = Text();
  worker.start = random_();
  worker.nonce = (uint64_t{random_()} << 32) | random_();
  worker.owner = Text();
  worker.shared = Flip();
  worker.repos = Texts();
  worker.seq = random_();
  worker.version = Text();
  worker.slots = Below(8);
  worker.labels = {{"os", Text()}};
  return worker;
}

std::vector<std::string> RecordSource::Texts() {
  std::vector<std::string> texts;
  for (int n = Below(4); n > 0; --n) texts.push_back(Text());
  return texts;
}

core::User RecordSource::User(int n) {
  core::User user;
  user.name = absl::StrCat("user-", n);
  user.role = static_cast<core::Role>(1 + Below(4));
  user.repos = Texts();
  user.created_at = Time();
  user.created_by = Text();
  user.disabled = Flip();
  return user;
}

core::Token RecordSource::Token(int n) {
  core::Token token;
  token.id = absl::StrCat("token-", n);
  token.secret_hash = Text();
  token.purpose = static_cast<core::TokenPurpose>(1 + Below(3));
  token.user = Text();
  token.repos = Texts();
  token.expires_at = Time();
  token.created_at = Time();
  token.created_by = Text();
  token.used_at = Time();
  token.line = Text();
  token.revoked_at = Time();
  token.labels = {{Text(), Text()}};
  token.owner = Text();
  token.shared = Flip();
  return token;
}

core::Credential RecordSource::Credential(int n) {
  core::Credential credential;
  credential.serial = absl::StrCat("ab", n);
  credential.purpose = static_cast<core::CredentialPurpose>(1 + Below(2));
  credential.subject = Text();
  credential.device = Text();
  credential.line = Text();
  credential.generation = Below(100);
  credential.repos = Texts();
  credential.sponsor = Text();
  credential.issued_at = Time();
  credential.not_after = Time();
  credential.revoked_at = Time();
  return credential;
}

core::AuditEntry RecordSource::Audit(const core::AuditHead& head) {
  core::AuditEntry entry{head.seq + 1, Time(), Text(), Text(), Text(),
                         Text(),       Text(), {},     Text(), ""};
  entry.outcome = Flip() ? core::AuditOutcome::kDone : core::AuditOutcome::kRefused;
  entry.hash = core::AuditHash(head.hash, entry);
  return entry;
}

core::Hold RecordSource::Hold(int n) {
  core::Hold hold;
  hold.worker_uuid = absl::StrCat("worker-", n);
  hold.key = absl::StrCat("agent:", Below(3));
  hold.url = Text();
  hold.reason = Text();
  hold.since = Time();
  hold.next_probe = Time();
  hold.failures = Below(9);
  return hold;
}

core::Event RecordSource::Event(uint64_t revision, std::string handoff_id) {
  core::Event event;
  event.revision = revision;
  event.at = Time();
  event.handoff_id = std::move(handoff_id);
  event.kind = Text();
  event.attempt = Below(4);
  event.worker = Text();
  event.status = static_cast<core::HandoffStatus>(1 + Below(8));
  event.message = Text();
  return event;
}

}  // namespace handoff
