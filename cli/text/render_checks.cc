#include "cli/text/render_checks.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text/words.h"
#include "common/handoff/describe_checks.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kCommand = 200;

std::string ResultWords(const v1::CheckResult& check) {
  std::string words = absl::StrCat(check.passed() ? "✓ passed " : "✗ failed ",
                                   OneLine(check.command(), kCommand), ": ", HowCheckEnded(check));
  // The others say so themselves.
  const bool plain = check.has_exit_code() || check.signal() != 0;
  if (!plain) absl::StrAppend(&words, ". ", OneLine(check.message(), 300));
  return words;
}

// A test that was changed with the code proves less.
std::string ChangedWords(const v1::CheckResult& check, bool by_agent) {
  std::vector<std::string> files;
  for (const std::string& file : check.changed_files()) files.push_back(OneLine(file, 200));
  return files.empty() ? ""
                       : absl::StrCat(by_agent ? "  changed by the agent: " : "  changed: ",
                                      absl::StrJoin(files, ", "));
}

}  // namespace

void AddChecks(const v1::Handoff& handoff, const v1::Attempt& attempt, const v1::Facts& facts,
               Fields& fields) {
  if (facts.checks().empty()) {
    for (const v1::Check& check : handoff.checks()) {
      const std::string words = OneLine(check.command(), kCommand);
      if (&check == &handoff.checks(0)) {
        fields.Add("Checks", words);
      } else {
        fields.AddMore(words);
      }
    }
    return;
  }
  const auto passed = std::count_if(facts.checks().begin(), facts.checks().end(),
                                    [](const v1::CheckResult& c) { return c.passed(); });
  fields.Add("Checks",
             absl::StrCat(passed, " of ", std::max(handoff.checks_size(), facts.checks_size()),
                          " passed"));
  for (const v1::CheckResult& check : facts.checks()) {
    fields.AddMore(ResultWords(check), check.passed() ? Colour::kGreen : Colour::kRed);
    const std::string changed = ChangedWords(check, !attempt.only_checks());
    if (!changed.empty()) fields.AddMore(changed, Colour::kYellow);
  }
}

Cell ChecksCell(const v1::Handoff& handoff) {
  const int run = handoff.checks_run();
  if (run == 0) return {};
  const bool all = handoff.checks_passed() == run;
  return {absl::StrCat(handoff.checks_passed(), "/", run), all ? Colour::kGreen : Colour::kRed};
}

}  // namespace handoff
