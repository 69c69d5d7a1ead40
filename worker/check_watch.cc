#include "worker/check_watch.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/file.h"
#include "common/regular_file.h"
#include "worker/shim/attempt_life.h"

namespace handoff::worker {
namespace {

constexpr int kEndTries = 12;  // of 5 s

ShimSpec ReadSpec(const std::string& directory) {
  const auto text = ReadRegularFile(directory + "/shim.json");
  auto spec = text.ok() ? DecodeShimSpec(*text) : absl::StatusOr<ShimSpec>(text.status());
  return spec.ok() ? *std::move(spec) : ShimSpec{};
}

std::optional<ShimExit> ReadExit(const std::string& directory) {
  const auto text = ReadRegularFile(directory + "/exit.json");
  const auto exit = text.ok() ? DecodeShimExit(*text) : absl::StatusOr<ShimExit>(text.status());
  return exit.ok() ? std::optional(*exit) : std::nullopt;
}

}  // namespace

CheckWatch::CheckWatch(const Surroundings& around, AttemptControl& control, std::string directory)
    : around_(around),
      control_(control),
      directory_(std::move(directory)),
      started_(ReadShimStarted(directory_)),
      spec_(ReadSpec(directory_)),
      sent_deadline_{spec_.lease_deadline_ns} {}

BootTime CheckWatch::started() const {
  return started_.pid != 0 ? BootTime{started_.boottime_ns} : around_.clock.Boot();
}

std::optional<BootTime> CheckWatch::hard_cap() const {
  return spec_.hard_cap_ns > 0 ? std::optional(BootTime{spec_.hard_cap_ns}) : std::nullopt;
}

CheckWatch::Result CheckWatch::Run(ShimClient& shim, const OnStep& on_step) {
  while (true) {
    control_.Drain();
    TakeOrders(shim);
    TakeEvents(shim);
    const BootTime next = std::min(on_step(), WatchShim(shim));
    if (gone_) return Result::kGone;
    if (control_.leaving()) return Result::kLeft;
    const BootTime now = around_.clock.Boot();
    const int64_t wait = std::clamp<int64_t>(absl::ToInt64Milliseconds(next - now) + 1, 0, 60'000);
    pollfd polls[] = {{shim.fd(), POLLIN, 0}, {control_.fd(), POLLIN, 0}};
    ::poll(polls, 2, next <= now ? 0 : static_cast<int>(wait));
  }
}

void CheckWatch::TakeOrders(ShimClient& shim) {
  const BootTime deadline = control_.deadline();
  if (deadline > sent_deadline_ && shim.Renew(deadline).ok()) sent_deadline_ = deadline;
  const auto stop = control_.stop();
  if (!stop || stop_sent_) return;
  overdue_.StoppedUntil(AttemptLife::After(around_.clock.Boot(), stop->grace));
  stop_sent_ = shim.Stop(stop->as, stop->reason, stop->grace).ok();
}

void CheckWatch::TakeEvents(ShimClient& shim) {
  for (const ShimClient::Event& event : shim.Receive()) {
    overdue_.Heard(around_.clock.Boot());
    if (const auto* grew = std::get_if<ShimClient::LogGrew>(&event)) {
      log_bytes_ = std::max(log_bytes_, grew->bytes);
    } else if (const auto* changed = std::get_if<ShimClient::StateChanged>(&event)) {
      state_ = changed->state;
      heard_ = true;
    } else {
      gone_ = true;
      told_exit_ = std::get<ShimClient::Gone>(event).exit;
    }
  }
}

OverdueShim::Advice CheckWatch::JudgeShim() {
  BootTime due = OverdueShim::kNever;
  if (const auto cap = hard_cap()) due = AttemptLife::After(*cap, AttemptLife::kHardCapGrace);
  if (state_ != "frozen" && sent_deadline_.ns != 0) due = std::min(due, sent_deadline_);
  return overdue_.Judge(due, around_.clock.Boot());
}

BootTime CheckWatch::WatchShim(ShimClient& shim) {
  OverdueShim::Advice advice = JudgeShim();
  if (advice == OverdueShim::Advice::kKill) {
    TakeEvents(shim);  // its answer may have come meanwhile
    if (gone_) return around_.clock.Boot();
    advice = JudgeShim();
  }
  if (advice == OverdueShim::Advice::kAsk) shim.AskState().IgnoreError();
  if (advice == OverdueShim::Advice::kKill) {
    SPDLOG_ERROR("{}: the shim of this check neither acts nor answers; it is killed", directory_);
    const auto cap = hard_cap();
    killed_as_ = cap && around_.clock.Boot() >= *cap ? EndedBy::kHardCap : EndedBy::kShimLost;
    // While it still is the parent of what runs with an environment of its own.
    EndLeftovers(started_, directory_).IgnoreError();  // the end does it again
    shim.Kill();
  }
  return overdue_.next();
}

CheckEnd CheckWatch::Conclude() {
  CheckEnd end;
  end.exit = told_exit_;
  // Before the tree is ended: what a shim that lives records of that is our doing.
  if (!end.exit && !killed_as_) end.exit = ReadExit(directory_);
  if (!told_exit_) EndTree();  // a shim that told its end left none
  if (end.exit) log_bytes_ = std::max(log_bytes_, end.exit->log_bytes);
  if (const auto size = FileSize(directory_ + "/log"); !end.exit && size.ok()) log_bytes_ = *size;
  if (started_.pid != 0) {
    const BootTime ended = end.exit ? BootTime{end.exit->boottime_ns} : around_.clock.Boot();
    end.took = ended - BootTime{started_.boottime_ns};
  }
  if (end.exit) return end;
  const bool same_boot =
      heard_ || !PathExists(directory_) ||
      IsOfThisBoot(directory_, around_.boot_id).value_or(/*cannot be told:*/ true);
  end.lost_as = killed_as_ ? *killed_as_ : same_boot ? EndedBy::kShimLost : EndedBy::kHostRebooted;
  if (!same_boot) end.took.reset();  // of another boot's clock
  return end;
}

void CheckWatch::EndTree() const {
  for (int tries = 1; tries <= kEndTries && !control_.leaving(); ++tries) {
    const absl::Status ended = EndLeftovers(started_, directory_);
    if (ended.ok()) return;
    SPDLOG_ERROR("{}: {}", directory_, std::string(ended.message()));
    if (!absl::IsDeadlineExceeded(ended)) return;  // nothing of it runs
  }
}

}  // namespace handoff::worker
