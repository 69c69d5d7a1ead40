#include "worker/agent_watch.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/regular_file.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/agent/registry.h"
#include "worker/bounds.h"
#include "worker/proto_time.h"
#include "worker/shim/attempt_life.h"

namespace handoff::worker {
namespace {

constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};
constexpr absl::Duration kShowEvery = absl::Seconds(5);
constexpr absl::Duration kStopGrace = absl::Seconds(10);
constexpr uint64_t kParseBudget = 8 << 20;
constexpr int kEndTries = 12;  // of 5 s
// Below this a tree only idles: timers of an interpreter, a heartbeat on disk.
constexpr double kBusyCpu = 0.01;
constexpr uint64_t kBusyBytes = 64 << 10;

ShimSpec ReadSpec(const std::string& directory) {
  const auto text = ReadRegularFile(directory + "/shim.json");
  auto spec = text.ok() ? DecodeShimSpec(*text) : absl::StatusOr<ShimSpec>(text.status());
  return spec.ok() ? *std::move(spec) : ShimSpec{};
}

// An agent of which this daemon knows nothing any more is watched like a command.
const Agent& AgentOf(const Attempt& attempt) {
  return attempt.agent != nullptr ? *attempt.agent : *FindAgent("command");
}

// The last one of which the session has the turns: one that was restored is as that attempt left
// it.
int LastInSession(const Attempt& attempt) {
  const bool restored = attempt.end->session_kind() == v1::Attempt::RESTORED;
  const int from = attempt.spec->checkpoint_attempt();
  return restored && from > 0 ? from : std::numeric_limits<int>::max();
}

}  // namespace

ClockLimits LimitsFor(const v1::HandoffSpec& wanted, const Agent& agent,
                      const AgentConfig& config) {
  ClockLimits limits = agent.has_stream() ? ClockLimits{} : ClockLimits::None();
  if (agent.has_stream()) {
    limits.idle = config.idle.value_or(limits.idle);
    limits.tool_warning = config.tool_warning.value_or(limits.tool_warning);
  }
  if (wanted.has_stall_timeout()) limits.idle = FromProto(wanted.stall_timeout());
  if (agent.has_stream()) {
    // Silence before it is silence, too: whoever bounds that does not wait longer for an agent's
    // sake.
    const absl::Duration usual =
        std::min(agent.first_event_limit(), std::max(limits.first_event, limits.idle));
    limits.first_event = config.first_event.value_or(usual);
    if (wanted.has_first_event_timeout()) {
      limits.first_event = FromProto(wanted.first_event_timeout());
    }
  }
  return limits;
}

bool TreeWorked(const TreeUsage& before, const TreeUsage& now, absl::Duration between) {
  const double cpu = static_cast<double>(now.cpu_ms - before.cpu_ms) /
                     std::max(1.0, absl::ToDoubleMilliseconds(between));
  if (cpu > kBusyCpu) return true;
  // What ended took its bytes along: less than before is no work.
  return now.io_bytes > before.io_bytes && now.io_bytes - before.io_bytes > kBusyBytes;
}

AgentWatch::AgentWatch(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                       AttemptBoard& board, LogUpload& upload)
    : around_(around),
      attempt_(attempt),
      control_(control),
      board_(board),
      upload_(upload),
      started_(ReadShimStarted(attempt.dir.path())),
      spec_(ReadSpec(attempt.dir.path())),
      clocks_(LimitsFor(attempt.wanted(), AgentOf(attempt),
                        around.config.agent(attempt.wanted().agent())),
              // The agent may have removed the record already.
              started_.pid != 0 ? BootTime{started_.boottime_ns} : around.clock.Boot()),
      stream_(AgentOf(attempt), clocks_, attempt.spec->handoff(), attempt.spec->session(),
              LastInSession(attempt)),
      tail_(attempt.dir.path()),
      checkpoints_(around, attempt, control),
      sent_deadline_{spec_.lease_deadline_ns},
      document_at_(around.clock.Boot()) {
  attempt_.end->set_isolation(started_.isolation);
  if (started_.pid == 0) return;  // lost before it said that it started
  ToProto(absl::FromUnixMillis(started_.wall_ms), attempt_.end->mutable_started_at());
}

AgentWatch::Result AgentWatch::Run(ShimClient& shim) {
  const absl::Time started =
      started_.pid != 0 ? absl::FromUnixMillis(started_.wall_ms) : around_.clock.Now();
  board_.Update(AttemptBoard::Urgency::kNow, [&](AttemptStatus& status) {
    status.stage = Stage::kRunning;
    status.phase = "running";
    status.started_at = started;
    status.session = attempt_.end->session();
    status.workspace = attempt_.end->workspace();
    status.command = attempt_.end->command();
    status.safe_command = attempt_.end->safe_command();
    status.isolation = started_.isolation;
  });
  const Result result = Follow(shim);
  checkpoints_.End();
  return result;
}

AgentWatch::Result AgentWatch::Follow(ShimClient& shim) {
  while (true) {
    const BootTime next = Step(shim);
    if (gone_) return Result::kGone;
    if (control_.leaving()) return Result::kLeft;
    const absl::Duration left = next - around_.clock.Boot();
    const int64_t wait = std::clamp<int64_t>(absl::ToInt64Milliseconds(left) + 1, 0, 60'000);
    pollfd polls[] = {{shim.fd(), POLLIN, 0}, {control_.fd(), POLLIN, 0}};
    ::poll(polls, 2, next <= around_.clock.Boot() ? 0 : static_cast<int>(wait));
  }
}

// Everything that is to be done now; when to do it again at the latest.
BootTime AgentWatch::Step(ShimClient& shim) {
  control_.Drain();
  TakeOrders(shim);
  TakeEvents(shim);
  const bool more = ReadLog(kParseBudget);
  if (!judging_ && !more && heard_) {
    judging_ = true;
    // How long the tree was frozen while no daemon looked is not known: silence begins anew.
    clocks_.Thawed(around_.clock.Boot());
  }
  TellEnd(shim);
  const BootTime now = around_.clock.Boot();
  if (const absl::Status sent = around_.taken() ? upload_.Pump(now) : absl::OkStatus();
      !sent.ok()) {
    SPDLOG_WARN("{}: {}", attempt_.key.ToString(), std::string(sent.message()));
  }
  // Of what is being ended the last one is taken.
  if (!stop_sent_ && !clock_stop_sent_) checkpoints_.Step();
  BootTime next = std::min({WatchClocks(shim), WatchShim(shim), upload_.next()});
  // One that is due and not begun any more would keep this awake.
  if (!stop_sent_ && !clock_stop_sent_) next = std::min(next, checkpoints_.next());
  return more ? now : next;
}

void AgentWatch::TakeOrders(ShimClient& shim) {
  const BootTime deadline = control_.deadline();
  if (deadline > sent_deadline_ && shim.Renew(deadline).ok()) sent_deadline_ = deadline;
  const auto stop = control_.stop();
  if (!stop || stop_sent_) return;
  overdue_.StoppedUntil(AttemptLife::After(around_.clock.Boot(), stop->grace));
  stop_sent_ = shim.Stop(stop->as, stop->reason, stop->grace).ok();
}

void AgentWatch::TakeEvents(ShimClient& shim) {
  for (const ShimClient::Event& event : shim.Receive()) {
    overdue_.Heard(around_.clock.Boot());
    if (const auto* grew = std::get_if<ShimClient::LogGrew>(&event)) {
      upload_.Grown(grew->bytes);
      log_news_ = true;
      if (!AgentOf(attempt_).has_stream()) clocks_.Progress(around_.clock.Boot());
    } else if (const auto* changed = std::get_if<ShimClient::StateChanged>(&event)) {
      const bool was_held = state_ == "frozen" || state_ == "disk_low";
      state_ = changed->state;
      heard_ = true;
      if (was_held && state_ == "running") clocks_.Thawed(around_.clock.Boot());
      const bool frozen = state_ == "frozen";
      board_.Update(AttemptBoard::Urgency::kSoon,
                    [&](AttemptStatus& status) { status.frozen = frozen; });
    } else {
      gone_ = true;
      told_exit_ = std::get<ShimClient::Gone>(event).exit;
    }
  }
}

bool AgentWatch::ReadLog(uint64_t budget) {
  if (!AgentOf(attempt_).has_stream()) return false;
  const auto more = tail_.Read(
      [this](absl::string_view line, BootTime at) { stream_.TakeLine(line, at); }, budget);
  if (!more.ok()) {
    SPDLOG_WARN("{}: {}", attempt_.key.ToString(), std::string(more.status().message()));
  }
  NoteSession();
  return more.ok() && *more;
}

// Whatever ends the attempt from here on, its conversation is known.
void AgentWatch::NoteSession() {
  if (!attempt_.end->session().empty() || stream_.session().empty()) return;
  attempt_.end->set_session(stream_.session());
  if (const absl::Status saved = attempt_.SaveLaunch(); !saved.ok()) {
    SPDLOG_WARN("{}: the session could not be saved: {}", attempt_.key.ToString(),
                std::string(saved.message()));
  }
}

void AgentWatch::TellEnd(ShimClient& shim) {
  if (stream_.end_version() == end_told_) return;
  const bool over = stream_.over();
  const AgentConfig& config = around_.config.agent(attempt_.wanted().agent());
  const absl::Duration grace = over ? config.finish_grace.value_or(AgentOf(attempt_).finish_grace())
                                    : absl::InfiniteDuration();
  const absl::Status told = shim.Finish(grace);
  // An agent that goes on would be ended by a shim that did not hear of it.
  if (!over && !told.ok()) return;
  end_told_ = stream_.end_version();
  finish_due_ = AttemptLife::After(around_.clock.Boot(), grace + AttemptLife::kFinishGrace);
}

BootTime AgentWatch::WatchClocks(ShimClient& shim) {
  const BootTime now = around_.clock.Boot();
  AttemptClocks::Reading reading = clocks_.Read(now);
  if (!judging_ || state_ == "frozen" || absl::EndsWith(state_, "disk_low")) {
    // It is not known what it did, or it could not work if it wanted to.
    reading = {};
    reading.next = kNever;
  }
  if (reading.sample && now - sampled_at_ >= clocks_.sample_every()) {
    SampleTree();
    sampled_at_ = now;
    reading = clocks_.Read(now);
  }
  if (reading.end && !clock_stop_sent_ && !stop_sent_) {
    if (!clock_stop_) clock_stop_ = reading.end;
    overdue_.StoppedUntil(now + kStopGrace);
    clock_stop_sent_ = shim.Stop(*reading.end, "silent for too long", kStopGrace).ok();
  }
  Show(reading, now);
  const BootTime document = document_stale_ ? document_at_ + kShowEvery : kNever;
  const BootTime facts = log_news_ ? facts_at_ + kShowEvery : kNever;
  return std::min({reading.next, document, facts});
}

// With its grace. The agent can write what the specification says.
BootTime AgentWatch::HardCap() const {
  if (spec_.hard_cap_ns <= 0) return kNever;
  return AttemptLife::After(BootTime{spec_.hard_cap_ns}, AttemptLife::kHardCapGrace);
}

OverdueShim::Advice AgentWatch::JudgeShim() {
  BootTime due = std::min(finish_due_, HardCap());
  if (state_ != "frozen" && sent_deadline_.ns != 0) due = std::min(due, sent_deadline_);
  return overdue_.Judge(due, around_.clock.Boot());
}

BootTime AgentWatch::WatchShim(ShimClient& shim) {
  OverdueShim::Advice advice = JudgeShim();
  if (advice == OverdueShim::Advice::kKill) {
    // Its answer may have come while the log was read.
    TakeEvents(shim);
    if (gone_) return around_.clock.Boot();
    advice = JudgeShim();
  }
  const BootTime now = around_.clock.Boot();
  switch (advice) {
    case OverdueShim::Advice::kNothing:
      break;
    case OverdueShim::Advice::kAsk:
      shim.AskState().IgnoreError();
      break;
    case OverdueShim::Advice::kKill:
      SPDLOG_ERROR("{}: its shim neither acts nor answers; it is killed, and its tree is ended",
                   attempt_.key.ToString());
      killed_as_ = clock_stop_          ? *clock_stop_
                   : now >= HardCap()   ? EndedBy::kHardCap
                   : now >= finish_due_ ? EndedBy::kAfterResult
                                        : EndedBy::kShimLost;
      // While it still is the parent of what runs with an environment of its own.
      EndLeftovers(started_, attempt_.dir.path()).IgnoreError();  // the end does it again
      shim.Kill();
      break;
  }
  return overdue_.next();
}

void AgentWatch::SampleTree() {
  const BootTime now = around_.clock.Boot();
  const auto usage = UsageOf(started_);
  if (!usage.ok()) return;
  if (usage_) {
    if (TreeWorked(*usage_, *usage, now - sampled_at_)) clocks_.TreeWorked(now);
  }
  usage_ = *usage;
}

std::string AgentWatch::Phase(BootTime now) const {
  if (state_ == "frozen") return "frozen (the lease is over)";
  if (state_ == "disk_low") return "running (waiting for disk space)";
  if (state_ == "stopping_disk_low") return "stopping (waiting for disk space)";
  const auto tool = clocks_.Tool();
  if (!tool) return "running";
  const absl::Duration since = now - tool->second;
  // Short calls come and go too fast to be read.
  if (since < absl::Minutes(1)) return absl::StrCat("running (", OneLine(tool->first, 60), ")");
  return absl::StrCat("running (", OneLine(tool->first, 60), ", ", HumanDuration(since), ")");
}

void AgentWatch::Show(const AttemptClocks::Reading& reading, BootTime now) {
  const std::string phase = Phase(now);
  const bool news = stream_.version() != shown_version_ || reading.stalled != shown_stalled_ ||
                    phase != shown_phase_;
  const bool with_facts = log_news_ && now - facts_at_ >= kShowEvery;
  document_stale_ |= news;
  if (news || with_facts) {
    const std::optional<BootTime> cap =
        spec_.hard_cap_ns > 0 ? std::optional(BootTime{spec_.hard_cap_ns}) : std::nullopt;
    const absl::Time wall = around_.clock.Now();
    // Not below: the board's lock waits for no disk.
    const std::string last_line = LastLine();
    board_.Update(AttemptBoard::Urgency::kSoon, [&](AttemptStatus& status) {
      status.phase = phase;
      status.stalled = reading.stalled;
      status.will_end = WillEnd(reading, cap, now, wall);
      status.last_activity_at = wall - (now - clocks_.last_progress());
      status.last_line = last_line;
      if (!stream_.session().empty()) status.session = stream_.session();
      if (with_facts) status.facts = FactsForStatus(stream_.facts());
    });
    if (with_facts) {
      facts_at_ = now;
      log_news_ = false;
    }
    shown_version_ = stream_.version();
    shown_stalled_ = reading.stalled;
    shown_phase_ = phase;
  }
  if (document_stale_ && now - document_at_ >= kShowEvery) {
    document_at_ = now;
    document_stale_ = false;
    const std::string text = attempt_.Document(around_.config.name, &stream_.facts());
    attempt_.files.WriteDocument(text).IgnoreError();  // the end writes it again, and says so
  }
}

std::string AgentWatch::LastLine() const {
  return AgentOf(attempt_).has_stream() ? stream_.last_line() : LastLogLine();
}

std::string AgentWatch::LastLogLine() const {
  constexpr uint64_t kTail = 400;
  const auto size = FileSize(attempt_.dir.log());
  const auto fd = OpenRegular(attempt_.dir.log());
  if (!size.ok() || !fd.ok()) return "";
  std::string tail(std::min(kTail, *size), '\0');
  const ssize_t n =
      ::pread(fd->get(), tail.data(), tail.size(), static_cast<off_t>(*size - tail.size()));
  tail.resize(n > 0 ? static_cast<size_t>(n) : 0);
  absl::string_view text = absl::StripTrailingAsciiWhitespace(tail);
  text = text.substr(text.find_last_of('\n') + 1);  // npos + 1 is 0
  return OneLine(EscapeInvalidUtf8(text), 200);
}

RunEnd AgentWatch::Conclude() {
  while (ReadLog(std::numeric_limits<uint64_t>::max())) {
  }
  tail_.Finish([this](absl::string_view line, BootTime at) { stream_.TakeLine(line, at); });
  // Before the tree is ended: what a shim that lives records of that is our doing.
  const std::optional<ShimExit> exit = ReadExit();
  // A shim that told its end left none; a record without that may be the agent's own.
  RunEnd run;
  if (!told_exit_) run.leftovers = EndTree();
  if (started_.pid != 0) run.started_at = absl::FromUnixMillis(started_.wall_ms);
  if (exit) {
    run.process = {exit->exit_code, exit->signal, exit->ended_by};
    run.ended_at = absl::FromUnixMillis(exit->wall_ms);
    upload_.Grown(exit->log_bytes);
  } else {
    ConcludeLost(run);
  }
  run.result = stream_.result();
  run.stream_session = stream_.session();
  run.last_line = EscapeInvalidUtf8(LastLine());
  run.last_trouble = stream_.last_trouble();
  run.worked = stream_.version() > 0;
  run.silent = exit && exit->log_bytes == 0;
  run.resumed = attempt_.end->session_kind() == v1::Attempt::SAME ||
                attempt_.end->session_kind() == v1::Attempt::RESTORED;
  if (const auto tail = ReadRegularFile(attempt_.dir.path() + "/stderr.tail"); tail.ok()) {
    run.stderr_tail = *tail;
  }
  if (exit && !exit->spawn_error.empty()) {
    run.protocol = Protocol::kNotStarted;
    run.protocol_message = exit->spawn_error;
  } else if (attempt_.agent == nullptr) {
    // Its stream would tell whether the work was done; its exit status does not.
    run.protocol = Protocol::kResultMissing;
    run.protocol_message =
        absl::StrCat("this worker knows no agent '", attempt_.wanted().agent(), "' any more");
  } else if (!AgentOf(attempt_).has_stream()) {
    run.protocol = Protocol::kNone;
  } else if (!run.result) {
    run.protocol = Protocol::kResultMissing;
    run.protocol_message = run.last_trouble;
  } else {
    run.protocol = run.result->ok ? Protocol::kResultOk : Protocol::kResultError;
    run.protocol_message = run.result->message;
  }
  return run;
}

std::string AgentWatch::EndTree() const {
  for (int tries = 1;; ++tries) {
    const absl::Status ended = EndLeftovers(started_, attempt_.dir.path());
    if (ended.ok()) return "";
    SPDLOG_ERROR("{}: {}", attempt_.key.ToString(), std::string(ended.message()));
    if (!absl::IsDeadlineExceeded(ended)) return "";  // nothing of it runs
    if (tries == kEndTries || control_.leaving()) return std::string(ended.message());
  }
}

std::optional<ShimExit> AgentWatch::ReadExit() const {
  if (told_exit_) return told_exit_;
  if (killed_as_) return std::nullopt;  // it came to no end of its own
  const auto text = ReadRegularFile(attempt_.dir.path() + "/exit.json");
  const auto exit = text.ok() ? DecodeShimExit(*text) : absl::StatusOr<ShimExit>(text.status());
  return exit.ok() ? std::optional(*exit) : std::nullopt;
}

void AgentWatch::ConcludeLost(RunEnd& run) {
  // What was heard of is of this boot, and so is what was there when this daemon began.
  const bool same_boot =
      heard_ || !PathExists(attempt_.dir.path()) ||
      IsOfThisBoot(attempt_.dir.path(), around_.boot_id).value_or(/*cannot be told:*/ true);
  run.process.ended_by = killed_as_  ? *killed_as_
                         : same_boot ? EndedBy::kShimLost
                                     : EndedBy::kHostRebooted;
  run.ended_at = around_.clock.Now();
  run.log_tail_lost = true;
  if (const auto size = FileSize(attempt_.dir.log()); size.ok()) upload_.Grown(*size);
}

}  // namespace handoff::worker
