// What the stream of one agent process said so far: the reported facts, the session, the terminal
// event; and it tells the attempt's clocks. Not thread-safe; owned by the attempt's runner. Parsing
// the same log again gives the same, so an adopted attempt is parsed from the begin.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "worker/agent/agent.h"
#include "worker/core/clocks.h"

namespace handoff {
namespace v1 {
class Facts;
class Handoff;
}  // namespace v1

namespace worker {

class StreamWatch {
 public:
  // `session` is the one to resume, of which `handoff` tells what its earlier attempts used; empty:
  // a new one. It holds nothing of those after attempt `last`.
  StreamWatch(const Agent& agent, AttemptClocks& clocks, const v1::Handoff& handoff,
              const std::string& session, int last = std::numeric_limits<int>::max());
  ~StreamWatch();

  void TakeLine(absl::string_view line, BootTime at);

  // The terminal event; the last one when there were several. Absent again when the agent works on.
  const std::optional<AgentEvent::Result>& result() const { return result_; }
  // Whether that was the end so far: not where another turn began, which may come to nothing.
  bool over() const { return over_; }
  // Goes up when that changes, and with progress after the end.
  uint64_t end_version() const { return end_version_; }
  const std::string& session() const { return session_; }      // as the stream names it
  const std::string& last_line() const { return last_line_; }  // the agent's last text, one line
  // From which the agent did not get on so far.
  const std::string& last_trouble() const { return last_trouble_; }
  const v1::Facts& facts() const { return *facts_; }  // the reported part
  // Goes up with every event that changes what is shown.
  uint64_t version() const { return version_; }

 private:
  struct Visit;
  void GoOn(BootTime at);
  void TakeEndBack(BootTime at);
  void AddTool(const AgentEvent::ToolFinished& tool, BootTime at);
  void AddUsage(const AgentEvent::Usage& usage);
  void AddUnknown(const std::string& type);

  const std::unique_ptr<StreamParser> parser_;
  AttemptClocks& clocks_;
  std::unique_ptr<v1::Facts> facts_;
  const std::unique_ptr<v1::Facts> before_;  // usage only
  struct Started {
    AgentEvent::ToolStarted tool;
    BootTime at;
  };
  std::map<std::string, Started> tools_;  // in flight
  std::optional<AgentEvent::Result> result_;
  bool over_ = false;
  std::string session_;
  std::string last_line_;
  std::string last_trouble_;
  uint64_t version_ = 0;
  uint64_t end_version_ = 0;
};

}  // namespace worker
}  // namespace handoff
