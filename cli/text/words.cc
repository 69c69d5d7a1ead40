#include "cli/text/words.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/handoff/describe.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

Colour ColourOf(v1::Handoff::Status status) {
  switch (status) {
    case v1::Handoff::RUNNING:
      return Colour::kBlue;
    case v1::Handoff::STALLED:
    case v1::Handoff::WAITING:
    case v1::Handoff::INTERACTIVE:
      return Colour::kYellow;
    case v1::Handoff::SUCCEEDED:
      return Colour::kGreen;
    case v1::Handoff::FAILED:
      return Colour::kRed;
    case v1::Handoff::CANCELLED:
      return Colour::kDim;
    default:
      return Colour::kNone;
  }
}

Colour ColourOf(v1::Attempt::State state) {
  switch (state) {
    case v1::Attempt::RUNNING:
      return Colour::kBlue;
    case v1::Attempt::SUCCEEDED:
      return Colour::kGreen;
    case v1::Attempt::FAILED:
    case v1::Attempt::LOST:
      return Colour::kRed;
    case v1::Attempt::CANCELLED:
      return Colour::kDim;
    default:
      return Colour::kNone;
  }
}

// "running" and "running (ninja test)" → "running (ninja test)": the worker's phase may begin with
// the state's own word. One level of parentheses is enough: "running (preparing, cloning 43 %)".
std::string WithPhase(const std::string& state, absl::string_view phase) {
  const std::string clean = OneLine(phase, 80);
  absl::string_view detail = clean;
  if (absl::ConsumePrefix(&detail, state)) {
    detail = absl::StripAsciiWhitespace(detail);
    if (absl::ConsumePrefix(&detail, "(")) absl::ConsumeSuffix(&detail, ")");
  }
  if (detail.empty()) return state;
  const size_t inner = detail.find(" (");
  if (inner != absl::string_view::npos && absl::ConsumeSuffix(&detail, ")")) {
    return absl::StrCat(state, " (", detail.substr(0, inner), ", ", detail.substr(inner + 2), ")");
  }
  return absl::StrCat(state, " (", detail, ")");
}

}  // namespace

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() == 0 && timestamp.nanos() == 0) return absl::InfinitePast();
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void SetDuration(absl::Duration value, google::protobuf::Duration* duration) {
  duration->set_seconds(absl::ToInt64Seconds(value));
  duration->set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(value % absl::Seconds(1))));
}

std::string Relative(absl::Time time, absl::Time now) {
  if (time == absl::InfinitePast()) return "";
  // Clocks of two hosts differ a little: what just happened there is not in the future.
  if (time <= now + absl::Seconds(2)) return absl::StrCat(HumanDuration(now - time), " ago");
  return absl::StrCat("in ", HumanDuration(time - now));
}

std::string ClockWords(absl::Duration ahead) {
  return absl::StrCat(HumanDuration(absl::AbsDuration(ahead)), ahead > absl::ZeroDuration()
                                                                   ? " ahead of the coordinator's"
                                                                   : " behind the coordinator's");
}

std::string Age(absl::Time time, absl::Time now) {
  if (time == absl::InfinitePast()) return "";
  return HumanDuration(std::max(now - time, absl::ZeroDuration()));
}

Cell VerdictCell(const v1::Handoff& handoff) {
  return {StatusText(handoff), ColourOf(handoff.status())};
}

Cell StateCell(const v1::Handoff& handoff) {
  Cell cell = VerdictCell(handoff);
  const bool live =
      handoff.status() == v1::Handoff::RUNNING || handoff.status() == v1::Handoff::STALLED;
  if (live) cell.text = WithPhase(cell.text, handoff.phase());
  const bool taken = handoff.status() == v1::Handoff::INTERACTIVE && !handoff.taken_by().empty();
  if (taken) cell.text = absl::StrCat(cell.text, " (", OneLine(handoff.taken_by(), 64), ")");
  return cell;
}

Cell AttemptStateCell(const v1::Attempt& attempt) {
  const std::string text = absl::AsciiStrToLower(v1::Attempt::State_Name(attempt.state()));
  return {WithPhase(text, attempt.phase()), ColourOf(attempt.state())};
}

std::string RepoWords(const v1::Handoff& handoff) {
  const std::string clean = OneLine(handoff.repo(), 200);
  absl::string_view repo = clean;
  const size_t scheme = repo.find("://");
  if (scheme != absl::string_view::npos) repo.remove_prefix(scheme + 3);
  const size_t at = repo.find('@');
  if (at != absl::string_view::npos && at < repo.find('/')) repo.remove_prefix(at + 1);
  absl::ConsumeSuffix(&repo, ".git");
  // The key of a repository without an address: "root:" and a commit.
  if (absl::StartsWith(repo, "root:")) repo = repo.substr(0, 15);
  if (repo.empty() || handoff.ref().empty()) return std::string(repo);
  return absl::StrCat(repo, "@", OneLine(handoff.ref(), 80));
}

std::string LinesWords(uint64_t added, uint64_t deleted) {
  if (added == 0 && deleted == 0) return "";
  return absl::StrCat("+", added, " −", deleted);
}

std::string CountWords(uint64_t count) {
  if (count < 1000) return absl::StrCat(count);
  const double value = static_cast<double>(count);
  if (count < 9950) return absl::StrFormat("%.1f k", value / 1e3);
  if (count < 999'500) return absl::StrFormat("%.0f k", value / 1e3);
  return absl::StrFormat("%.1f M", value / 1e6);
}

std::string Plural(uint64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string ReachAdvice(absl::string_view words) {
  constexpr absl::string_view kCorrect =
      "correct --coordinator, HANDOFF_COORDINATOR or config.toml";
  const auto has = [&](absl::string_view part) { return absl::StrContains(words, part); };
  if (has("not this pool's coordinator") || has("another name")) {
    return absl::StrCat("another coordinator has this address, or a clock is wrong: ", kCorrect,
                        ", or log in to that pool");
  }
  if (has("Connection refused") || has("No such file")) {
    return absl::StrCat(
        "that host answers, and nothing listens there: start it (handoff-coordinator, or 'handoff "
        "dev' for a pool on this machine), or ",
        kCorrect);
  }
  if (has("DNS") || has("Domain name")) {
    return absl::StrCat("no host has that name, or no name server answers: ", kCorrect);
  }
  if (has("ssh ended")) return "try the same ssh by hand: it has to come in without a question";
  return absl::StrCat(
      "that host does not answer: is it on, and does a firewall or a missing VPN stand between? "
      "Otherwise ",
      kCorrect);
}

}  // namespace handoff
