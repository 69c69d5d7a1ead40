#include "cli/text/render_places.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

std::string AccountWords(const v1::Enclosure& enclosure) {
  const std::string name = OneLine(enclosure.account(), 64);
  return name.empty() ? absl::StrCat("uid ", enclosure.uid())
                      : absl::StrCat(name, " (", enclosure.uid(), ")");
}

void AddEnclosure(const v1::Enclosure& enclosure, Fields& fields) {
  const bool root = enclosure.uid() == 0;
  fields.Add(
      "Runs as",
      absl::StrCat(AccountWords(enclosure), root ? ": agents may do anything on that host" : ""),
      root ? Colour::kYellow : Colour::kNone);
  if (!enclosure.network().empty())
    fields.AddMore(absl::StrCat("network: ", OneLine(enclosure.network(), 256)));
  if (!enclosure.isolation().empty())
    fields.AddMore(absl::StrCat("isolation: ", OneLine(enclosure.isolation(), 256)));
}

// An older coordinator does not say whose they are.
void AddHeld(const v1::Worker& worker, Fields& fields) {
  if (worker.held_size() == 0) {
    for (const std::string& attempt : worker.attempts()) fields.AddMore(OneLine(attempt, 100));
  }
  for (const v1::Worker::Slot& slot : worker.held()) {
    std::string words =
        absl::StrCat(OneLine(slot.attempt(), 100), " of ", OneLine(slot.owner(), 64));
    if (!slot.agent().empty()) absl::StrAppend(&words, ", ", OneLine(slot.agent(), 32));
    if (!slot.account().empty()) absl::StrAppend(&words, " as ", OneLine(slot.account(), 120));
    fields.AddMore(absl::StrCat(words, slot.exclusive() ? ", alone there" : ""));
  }
}

void AddAccess(const v1::Worker& worker, const View& view, Fields& fields) {
  const std::string& problem = worker.renewal_problem();
  if (worker.has_certificate_not_after()) {
    const absl::Time until = TimeOf(worker.certificate_not_after());
    const std::string issued = Relative(TimeOf(worker.certificate_issued_at()), view.now);
    fields.Add("Certified",
               absl::StrCat("until ", absl::FormatTime("%Y-%m-%d %H:%M", until, view.zone), " (",
                            Relative(until, view.now), ")",
                            issued.empty() ? "" : absl::StrCat(", issued ", issued)),
               until <= view.now ? Colour::kRed : Colour::kNone);
    if (!problem.empty())
      fields.AddMore(absl::StrCat("could not be renewed: ", OneLine(problem, 400)),
                     Colour::kYellow);
  }
  if (!worker.has_clock_ahead()) return;
  const absl::Duration ahead = DurationOf(worker.clock_ahead());
  const absl::Duration off = absl::AbsDuration(ahead);
  fields.Add("Clock", off <= kClockOff ? "agrees with the coordinator's" : ClockWords(ahead),
             off <= kClockOff    ? Colour::kNone
             : off < kClockWrong ? Colour::kYellow
                                 : Colour::kRed);
}

std::string StoredWords(const v1::Handoff& handoff) {
  if (handoff.stored_bytes() == 0) return "";
  std::string words = absl::StrCat(HumanBytes(handoff.stored_bytes()), " of logs and objects");
  if (handoff.owner_stored_limit() > 0) {
    absl::StrAppend(&words, "; all of ", OneLine(handoff.owner(), 64), "'s may fill ",
                    HumanBytes(handoff.owner_stored_limit()));
  }
  return words;
}

}  // namespace handoff
