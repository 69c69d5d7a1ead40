#include "worker/core/clocks.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace handoff::worker {
namespace {

constexpr size_t kMostTools = 1000;  // one is enough to be in a tool; a stream may begin any number
constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};

BootTime After(BootTime at, absl::Duration limit) {
  return limit == absl::InfiniteDuration() ? kNever : at + limit;
}

}  // namespace

AttemptClocks::AttemptClocks(const ClockLimits& limits, BootTime started)
    : limits_(limits), last_(started), worked_(started) {}

void AttemptClocks::Progress(BootTime at) {
  first_seen_ = true;
  last_ = std::max(last_, at);
  worked_ = std::max(worked_, at);
}

void AttemptClocks::ToolStarted(const std::string& call, const std::string& what, BootTime at) {
  Progress(at);
  if (tools_.size() < kMostTools || tools_.count(call) != 0) tools_[call] = {what, at};
}

void AttemptClocks::ToolFinished(const std::string& call, BootTime at) {
  Progress(at);
  tools_.erase(call);
}

void AttemptClocks::TreeWorked(BootTime at) { worked_ = std::max(worked_, at); }

void AttemptClocks::Thawed(BootTime at) {
  last_ = std::max(last_, at);
  worked_ = std::max(worked_, at);
}

void AttemptClocks::Finished(BootTime at) {
  Progress(at);
  finished_ = true;
  tools_.clear();
}

void AttemptClocks::GoesOn(BootTime at) {
  Progress(at);
  finished_ = false;
}

absl::Duration AttemptClocks::sample_every() const { return limits_.idle / 20; }

std::optional<std::pair<std::string, BootTime>> AttemptClocks::Tool() const {
  const Call* latest = nullptr;
  for (const auto& [id, call] : tools_) {
    if (latest == nullptr || call.started >= latest->started) latest = &call;
  }
  if (latest == nullptr) return std::nullopt;
  return std::pair(latest->what, latest->started);
}

AttemptClocks::Reading AttemptClocks::Read(BootTime now) const {
  Reading reading;
  reading.next = kNever;
  if (finished_) return reading;
  const bool in_tool = !tools_.empty();
  const BootTime quiet_since = in_tool ? worked_ : last_;
  // Until the first event only its own limit counts, where there is one.
  const bool awaits_first = !first_seen_ && limits_.first_event != absl::InfiniteDuration();
  const BootTime end =
      awaits_first ? After(last_, limits_.first_event) : After(quiet_since, limits_.idle);
  reading.ends_as = awaits_first ? EndedBy::kFirstEventClock : EndedBy::kIdleClock;
  if (end != kNever) reading.ends_at = end;
  if (now >= end) reading.end = reading.ends_as;

  const BootTime warn = std::min(After(quiet_since, limits_.idle / 2),
                                 in_tool ? After(last_, limits_.tool_warning) : kNever);
  reading.stalled = now >= warn;
  for (const BootTime at : {end, warn}) {
    if (at > now) reading.next = std::min(reading.next, at);
  }
  if (in_tool && limits_.idle != absl::InfiniteDuration()) {
    // A look costs a walk over the tree, so a tool that answers soon is never looked at.
    const BootTime from = last_ + sample_every();
    reading.sample = now >= from;
    reading.next = std::min(reading.next, reading.sample ? now + sample_every() : from);
  }
  return reading;
}

std::string WillEnd(const AttemptClocks::Reading& reading, std::optional<BootTime> hard_cap,
                    BootTime now, absl::Time wall) {
  if (!reading.ends_at && !hard_cap) return "";
  const bool cap_first = !reading.ends_at || (hard_cap && *hard_cap <= *reading.ends_at);
  const BootTime at = cap_first ? *hard_cap : *reading.ends_at;
  const char* what = cap_first                                      ? "time limit"
                     : reading.ends_as == EndedBy::kFirstEventClock ? "first-event limit"
                                                                    : "idle limit";
  const absl::Time then = wall + (at - now);
  const bool same_day =
      absl::ToCivilDay(then, absl::UTCTimeZone()) == absl::ToCivilDay(wall, absl::UTCTimeZone());
  return absl::StrCat(
      what, " at ",
      absl::FormatTime(same_day ? "%H:%M UTC" : "%Y-%m-%d %H:%M UTC", then, absl::UTCTimeZone()));
}

}  // namespace handoff::worker
