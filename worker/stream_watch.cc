#include "worker/stream_watch.h"

#include <utility>

#include "common/text.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"

namespace handoff::worker {
namespace {

constexpr int kMaxTools = 200;
constexpr size_t kMaxMessage = 4 << 10;
constexpr size_t kMaxCommand = 1 << 10;
constexpr size_t kMaxLine = 200;
constexpr size_t kMaxUnknownTypes = 16;
constexpr size_t kMaxInFlight = 1000;

// At most `most` bytes, cut at a character.
std::string Clip(absl::string_view text, size_t most) {
  std::string out = EscapeInvalidUtf8(text.substr(0, most + 4));
  if (out.size() <= most) return out;
  out.resize(most);
  while (!out.empty() && !IsValidUtf8(out)) out.pop_back();
  return out;
}

}  // namespace

// One event; says whether it shows progress of the work.
struct StreamWatch::Visit {
  StreamWatch& watch;
  BootTime at;

  bool operator()(const AgentEvent::SessionStarted& e) const {
    watch.session_ = e.session;
    if (!e.model.empty()) watch.facts_->set_model(Clip(e.model, kMaxLine));
    return true;
  }
  bool operator()(const AgentEvent::Text& e) const {
    watch.facts_->set_last_message(Clip(e.text, kMaxMessage));
    if (std::string line = OneLine(e.text, kMaxLine); !line.empty()) {
      watch.last_line_ = std::move(line);
    }
    return true;
  }
  bool operator()(const AgentEvent::ToolStarted& e) const {
    const std::string& what = !e.command.empty() ? e.command : e.name;
    watch.clocks_.ToolStarted(e.call_id, OneLine(what, kMaxLine), at);
    if (watch.tools_.size() < kMaxInFlight) watch.tools_[e.call_id] = {e, at};
    return true;
  }
  bool operator()(const AgentEvent::ToolFinished& e) const {
    watch.clocks_.ToolFinished(e.call_id, at);
    watch.AddTool(e, at);
    return true;
  }
  bool operator()(const AgentEvent::Todo& e) const {
    watch.last_line_ = OneLine(e.text, kMaxLine);
    return true;
  }
  bool operator()(const AgentEvent::Usage& e) const {
    watch.AddUsage(e);
    return true;
  }
  bool operator()(const AgentEvent::Retry& e) const {
    watch.last_line_ = OneLine(e.message, kMaxLine);
    watch.last_trouble_ = Clip(e.message, kMaxMessage);
    return false;
  }
  bool operator()(const AgentEvent::Result& e) const {
    watch.result_ = e;
    watch.result_->message = Clip(e.message, kMaxMessage);
    watch.clocks_.Finished(at);
    return true;
  }
  bool operator()(const AgentEvent::Unknown& e) const {
    watch.AddUnknown(e.type);
    return true;
  }
  bool operator()(const AgentEvent::Progress&) const { return true; }
  bool operator()(const AgentEvent::Heartbeat&) const { return false; }
};

StreamWatch::StreamWatch(const Agent& agent, AttemptClocks& clocks)
    : parser_(agent.NewParser()), clocks_(clocks), facts_(std::make_unique<v1::Facts>()) {}

StreamWatch::~StreamWatch() = default;

void StreamWatch::TakeLine(absl::string_view line, BootTime at) {
  for (const AgentEvent& event : parser_->ParseLine(line)) {
    if (std::visit(Visit{*this, at}, event.what)) clocks_.Progress(at);
    ++version_;
  }
}

void StreamWatch::AddTool(const AgentEvent::ToolFinished& tool, BootTime at) {
  if (facts_->tools_size() == kMaxTools) facts_->mutable_tools()->DeleteSubrange(0, 1);
  v1::Facts::ToolRun* out = facts_->add_tools();
  facts_->set_tools_total(facts_->tools_total() + 1);
  AgentEvent::ToolStarted begun;
  absl::Duration duration = tool.duration;
  if (const auto started = tools_.find(tool.call_id); started != tools_.end()) {
    begun = started->second.tool;
    if (duration == absl::ZeroDuration()) duration = at - started->second.at;
    tools_.erase(started);
  }
  const auto either = [](const std::string& a, const std::string& b) { return a.empty() ? b : a; };
  out->set_name(Clip(either(tool.name, begun.name), kMaxLine));
  out->set_command(Clip(either(tool.command, begun.command), kMaxCommand));
  out->set_path(Clip(either(tool.path, begun.path), kMaxCommand));
  out->set_outcome(Clip(tool.outcome, kMaxLine));
  if (tool.exit_code) out->set_exit_code(*tool.exit_code);
  if (duration > absl::ZeroDuration()) ToProto(duration, out->mutable_duration());
}

void StreamWatch::AddUsage(const AgentEvent::Usage& usage) {
  v1::Facts::Usage* out = facts_->mutable_usage();
  const v1::Facts::Usage before = usage.total ? v1::Facts::Usage() : *out;
  out->set_input_tokens(before.input_tokens() + usage.input);
  out->set_output_tokens(before.output_tokens() + usage.output);
  out->set_cache_read_tokens(before.cache_read_tokens() + usage.cache_read);
  out->set_cache_write_tokens(before.cache_write_tokens() + usage.cache_write);
  out->set_cost_usd(before.cost_usd() + usage.cost_usd);
}

void StreamWatch::AddUnknown(const std::string& type) {
  auto& unknown = *facts_->mutable_unknown_events();
  const std::string name = OneLine(EscapeInvalidUtf8(type), kMaxLine);
  if (unknown.count(name) != 0 || unknown.size() < kMaxUnknownTypes) ++unknown[name];
}

}  // namespace handoff::worker
