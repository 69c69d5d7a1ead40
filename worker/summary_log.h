// The log of an attempt as an agent gets to read it that is to summarise it: what its stream says,
// in order and in words, bounded. Pure.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/agent/agent.h"

namespace handoff::worker {

// Lines of which the first and the last are kept when there are too many.
class BoundedLines {
 public:
  BoundedLines(size_t head_bytes, size_t tail_bytes) : head_(head_bytes), tail_(tail_bytes) {}
  void Add(std::string line);
  bool empty() const { return begin_.empty() && end_.empty(); }
  // With a line that says how many are left out.
  std::string Take();

 private:
  const size_t head_, tail_;  // bytes of each
  std::string begin_;
  bool begin_full_ = false;
  std::deque<std::string> end_;
  size_t end_bytes_ = 0;
  uint64_t left_out_ = 0;
};

class SummaryLog {
 public:
  explicit SummaryLog(const Agent& agent);

  // The log's next bytes.
  void Take(absl::string_view bytes);
  uint64_t bytes() const { return bytes_; }
  // At most about 100 KiB. A stream of which this agent understands nothing, that of another one
  // say, is shown as it is.
  std::string Finish();

 private:
  struct Visit;
  void TakeLine(absl::string_view line);

  const std::unique_ptr<StreamParser> parser_;
  uint64_t bytes_ = 0;
  std::string line_;
  bool too_long_ = false;  // the line in hand
  std::map<std::string, AgentEvent::ToolStarted> calls_;
  BoundedLines events_, raw_;
};

}  // namespace handoff::worker
