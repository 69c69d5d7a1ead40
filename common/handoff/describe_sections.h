// The sections of handoff.md as text, each from the record alone. Text that an agent or a
// repository could choose is bounded, loses its control sequences, and stands in code or a
// quotation.
#pragma once

#include <cstdint>
#include <string>

namespace handoff {

namespace v1 {
class Attempt;
class Facts;
class Handoff;
}  // namespace v1

// A record seen from its latest attempt that an agent really ran in. Borrows the record.
class HandoffView {
 public:
  explicit HandoffView(const v1::Handoff& handoff);

  const v1::Handoff& handoff() const { return handoff_; }
  const v1::Attempt* latest() const { return latest_; }  // nullptr: no attempt has started
  const v1::Facts& facts() const { return facts_; }      // of `latest`
  bool partial() const;                                  // `latest` is still live
  bool ended() const;                                    // the handoff is
  bool work_unknown() const;                             // git did not tell all that changed

 private:
  const v1::Handoff& handoff_;
  const v1::Attempt* latest_;
  const v1::Facts& facts_;
};

// Markdown; empty when there is nothing to say yet.
std::string FactsSection(const HandoffView& view);
std::string SummarySection(const HandoffView& view);
std::string TriedSection(const HandoffView& view, int most);
std::string FilesSection(const HandoffView& view);
std::string ErrorsSection(const HandoffView& view);
std::string OutcomeSection(const HandoffView& view);

// What was said to the agent, as a list below the facts, and what waits to be said, below the next
// step. With the lines that part them from what stands before; empty when there is none.
std::string ToldSection(const HandoffView& view);
std::string PendingSection(const HandoffView& view);

// The same as an agent reads it: each with who says it. Those of `attempt` whole, all others
// bounded.
std::string NewMessages(const v1::Handoff& handoff, int attempt);
std::string PendingMessages(const v1::Handoff& handoff);
std::string EarlierMessages(const v1::Handoff& handoff, int before);

// Who has it, or wants it, since when, and where they work; empty: nobody.
std::string HandsText(const v1::Handoff& handoff);
// A line about what a person gave back, when they did, and whether an attempt went on from that.
std::string ReturnedLine(const v1::Handoff& handoff);
bool WentOnFromReturned(const v1::Handoff& handoff, const v1::Attempt& attempt);
// For an agent: that a person worked on it after its latest attempt; empty when none did.
std::string SinceThenText(const HandoffView& view);

// What stands where it is not known what changed.
inline constexpr char kWorkUnknown[] =
    "What changed could not be read from git; look in the workspace.";

// One sentence each: for the person who reads, and for the agent that goes on.
std::string StepForPerson(const HandoffView& view);
std::string StepForAgent(const HandoffView& view);

// "2026-11-20T23:45:49Z".
std::string TimeText(int64_t unix_seconds);

}  // namespace handoff
