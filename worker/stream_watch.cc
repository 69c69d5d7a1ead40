#include "worker/stream_watch.h"

#include <algorithm>
#include <utility>

#include "common/text.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"
#include "worker/session_files.h"

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

// What earlier attempts used in that session, up to `last`. What lies between one that was restored
// and the one that it was restored from is in it no more.
v1::Facts UsedBefore(const v1::Handoff& handoff, const std::string& session, int last) {
  v1::Facts before;
  v1::Facts::Usage& sum = *before.mutable_usage();
  const auto& attempts = handoff.attempts();
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    if (session.empty() || attempt->session() != session || attempt->number() > last) continue;
    const bool restored = attempt->session_kind() == v1::Attempt::RESTORED;
    if (restored && attempt->from_attempt() > 0) last = std::min(last, attempt->from_attempt());
    const v1::Facts::Usage& used = attempt->facts().usage();
    sum.set_input_tokens(sum.input_tokens() + used.input_tokens());
    sum.set_output_tokens(sum.output_tokens() + used.output_tokens());
    sum.set_cache_read_tokens(sum.cache_read_tokens() + used.cache_read_tokens());
    sum.set_cache_write_tokens(sum.cache_write_tokens() + used.cache_write_tokens());
    sum.set_cost_usd(sum.cost_usd() + used.cost_usd());
  }
  return before;
}

}  // namespace

// One event; says whether it shows progress of the work.
struct StreamWatch::Visit {
  StreamWatch& watch;
  BootTime at;

  bool operator()(const AgentEvent::SessionStarted& e) const {
    watch.TakeEndBack(at);
    // It becomes an argument and a path.
    if (IsSessionId(e.session)) watch.session_ = e.session;
    if (!e.model.empty()) watch.facts_->set_model(Clip(e.model, kMaxLine));
    return true;
  }
  bool operator()(const AgentEvent::Text& e) const {
    watch.last_trouble_.clear();
    watch.facts_->set_last_message(Clip(e.text, kMaxMessage));
    if (std::string line = OneLine(e.text, kMaxLine); !line.empty()) {
      watch.last_line_ = std::move(line);
    }
    return true;
  }
  bool operator()(const AgentEvent::ToolStarted& e) const {
    watch.last_trouble_.clear();
    if (e.of_main_thread) watch.GoOn(at);
    const std::string& what = !e.command.empty() ? e.command : e.name;
    watch.clocks_.ToolStarted(e.call_id, OneLine(what, kMaxLine), at);
    if (watch.tools_.size() < kMaxInFlight) watch.tools_[e.call_id] = {e, at};
    return true;
  }
  bool operator()(const AgentEvent::ToolFinished& e) const {
    watch.last_trouble_.clear();
    watch.clocks_.ToolFinished(e.call_id, at);
    watch.AddTool(e, at);
    return true;
  }
  bool operator()(const AgentEvent::Step& e) const {
    if (e.over) {
      watch.clocks_.ToolFinished(e.id, at);
      return true;
    }
    watch.GoOn(at);
    watch.clocks_.ToolStarted(e.id, "a step of the model", at);
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
    watch.over_ = true;
    watch.clocks_.Finished(at);
    return true;
  }
  bool operator()(const AgentEvent::Unknown& e) const {
    watch.AddUnknown(e.type);
    return true;
  }
  bool operator()(const AgentEvent::Progress&) const {
    watch.last_trouble_.clear();
    return true;
  }
  bool operator()(const AgentEvent::Heartbeat&) const { return false; }
};

StreamWatch::StreamWatch(const Agent& agent, AttemptClocks& clocks, const v1::Handoff& handoff,
                         const std::string& session, int last)
    : parser_(agent.NewParser()),
      clocks_(clocks),
      facts_(std::make_unique<v1::Facts>()),
      before_(std::make_unique<v1::Facts>(UsedBefore(handoff, session, last))) {}

StreamWatch::~StreamWatch() = default;

void StreamWatch::TakeLine(absl::string_view line, BootTime at) {
  for (const AgentEvent& event : parser_->ParseLine(line)) {
    const bool progress = std::visit(Visit{*this, at}, event.what);
    if (progress) clocks_.Progress(at);
    // What is not understood may be a heartbeat, and an agent that is done would hold its slot.
    const bool understood = !std::holds_alternative<AgentEvent::Unknown>(event.what);
    if (over_ && progress && understood) ++end_version_;
    const bool begins = std::holds_alternative<AgentEvent::SessionStarted>(event.what);
    if (!over_ && progress && understood && !begins) result_.reset();
    ++version_;
  }
}

// The model was asked again and answers: what was told before is over.
void StreamWatch::GoOn(BootTime at) {
  last_trouble_.clear();
  TakeEndBack(at);
  result_.reset();
}

void StreamWatch::TakeEndBack(BootTime at) {
  if (!over_) return;
  over_ = false;
  ++end_version_;
  clocks_.GoesOn(at);
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
  if (usage.span == AgentEvent::Usage::Span::kDelta) {
    out->set_input_tokens(out->input_tokens() + usage.input);
    out->set_output_tokens(out->output_tokens() + usage.output);
    out->set_cache_read_tokens(out->cache_read_tokens() + usage.cache_read);
    out->set_cache_write_tokens(out->cache_write_tokens() + usage.cache_write);
    out->set_cost_usd(out->cost_usd() + usage.cost_usd);
    return;
  }
  const bool all = usage.span == AgentEvent::Usage::Span::kSession;
  const v1::Facts::Usage& before = all ? before_->usage() : v1::Facts::Usage::default_instance();
  const auto beyond = [](uint64_t now, uint64_t then) { return now > then ? now - then : 0; };
  out->set_input_tokens(beyond(usage.input, before.input_tokens()));
  out->set_output_tokens(beyond(usage.output, before.output_tokens()));
  out->set_cache_read_tokens(beyond(usage.cache_read, before.cache_read_tokens()));
  out->set_cache_write_tokens(beyond(usage.cache_write, before.cache_write_tokens()));
  out->set_cost_usd(std::max(0.0, usage.cost_usd - before.cost_usd()));
}

void StreamWatch::AddUnknown(const std::string& type) {
  auto& unknown = *facts_->mutable_unknown_events();
  const std::string name = OneLine(EscapeInvalidUtf8(type), kMaxLine);
  if (unknown.count(name) != 0 || unknown.size() < kMaxUnknownTypes) ++unknown[name];
}

}  // namespace handoff::worker
