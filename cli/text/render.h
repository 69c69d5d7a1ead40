// Messages as text for people. Pure: the same message and View give the same text. Whatever came
// from an agent, a repository or another person is shown without control sequences.
#pragma once

#include <string>
#include <vector>

#include "cli/text/view.h"

namespace handoff {

namespace v1 {
class AgentOffer;
class Event;
class Handoff;
class HandoffSpec;
class ListWorkersResponse;
class PoolInfo;
class WhyResponse;
class Worker;
}  // namespace v1
struct Snapshot;

// One line a handoff; the owner's column only when `owners`.
std::string RenderList(const std::vector<v1::Handoff>& handoffs, bool owners, const View& view);
// Verdict first, then what happens now, what came of it, and what to type next.
std::string RenderShow(const v1::Handoff& handoff, const View& view);
// One line: "id: succeeded (unchecked). reason".
std::string RenderVerdict(const v1::Handoff& handoff, const View& view);
// What happens now in a few words, for a progress line: "id: running (ninja test) on worker-a".
std::string RenderProgress(const v1::Handoff& handoff);

std::string RenderWhy(const v1::Handoff& handoff, const v1::WhyResponse& why, const View& view);
std::string RenderEvent(const v1::Event& event, const View& view);
std::string RenderWorkers(const v1::ListWorkersResponse& workers, const View& view);
std::string RenderWorker(const v1::Worker& worker, const View& view);
// "claude ready, version 2.1.332, ann@example.org".
std::string AgentWords(const v1::AgentOffer& offer);

// What leaves the submitter's machine, what is held back with the flag that sends it, and what
// cannot be carried. Lines without a newline at the end.
std::vector<std::string> RenderSnapshot(const Snapshot& snapshot);
// After a send: under which number the message is kept, and when the agent reads it.
std::string RenderSent(const v1::Handoff& handoff);
// After a delete: what became of it, and what can still be done.
std::string RenderDeleted(const std::string& id, bool purged);
std::string DeletedToJsonLine(const std::string& id, bool purged);
// After a submit: that it is kept, and the next three commands.
std::vector<std::string> RenderKept(const v1::Handoff& handoff, bool existing);

// Work of a handoff that is a branch here now.
struct Fetched {
  std::string id;
  int attempt = 0;
  bool returned = false;  // a person's work on what that attempt left
  std::string branch, commit, head_commit;
  bool changed = false;      // the branch was made or moved
  bool uncommitted = false;  // what was not committed is a commit on top
  int commits = 0;           // of the agent; -1: what was submitted is not here
  int64_t files = 0;         // that differ from what was submitted; -1 likewise
  absl::Time taken_at;
  std::vector<std::string> notes;  // what the checkpoint leaves out
};
std::string FetchedToJsonLine(const Fetched& fetched);
// Lines without a newline at the end.
std::vector<std::string> RenderFetched(const Fetched& fetched, const View& view);

// One line of a doctor's report.
struct Finding {
  enum Kind { kOk, kNote, kProblem };
  Kind kind = kOk;
  std::string what;    // "coordinator", "worker-a", …
  std::string detail;  // one sentence
  std::string advice;  // what to do; with kProblem
};
// One line of JSON; "kind" is OK, NOTE or PROBLEM.
std::string FindingToJsonLine(const Finding& finding);
std::string RenderFindings(const std::vector<Finding>& findings, const View& view);

}  // namespace handoff
