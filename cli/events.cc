// handoff events

#include <CLI/CLI.hpp>
#include <optional>

#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "common/backoff.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(250), absl::Seconds(5)};

struct EventFlags {
  bool follow = false;
  std::optional<uint64_t> from;
  std::string id;
};

// What is printed, and where to go on after a broken stream.
struct Position {
  std::string id;      // only of this handoff; empty: all
  uint64_t last = 0;   // revision seen
  uint64_t until = 0;  // without -f: the newest when we began
  bool follow = false;

  bool Complete() const { return !follow && last >= until; }
};

// False: no more.
bool Take(const v1::Event& event, Position& position, Context& context) {
  position.last = event.revision();
  if (!position.follow && event.revision() > position.until) return false;
  const bool wanted = position.id.empty() || event.handoff_id() == position.id;
  if (wanted &&
      !context.terminal.Out(context.json ? ToJsonLine(event)
                                         : RenderEvent(event, context.terminal.OutView()))) {
    return false;
  }
  return !position.Complete();
}

VerbResult Events(const EventFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::PoolInfo pool, client->GetPool());
  Position position;
  position.follow = flags.follow;
  position.until = pool.revision();
  position.last = flags.from.value_or(flags.follow ? pool.revision() : 0);
  if (!flags.id.empty()) {
    ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
    ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
    position.id = handoff.id();
  }
  StreamCall call;
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  int failures = 0;
  while (!position.Complete()) {
    v1::WatchRequest request;
    request.set_from_revision(position.last);
    // Only the pool's newest revision tells where what is stored ends, so all events are read then.
    if (flags.follow) request.set_id(position.id);
    const absl::Status status = client->Watch(request, call, [&](const v1::Event& event) {
      failures = 0;
      return Take(event, position, context);
    });
    if (absl::IsCancelled(status)) return Exit::kInterrupted;
    if (status.ok()) return Exit::kDone;
    const bool passing = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
    if (!flags.follow || !passing) return status;
    if (++failures == 2) {
      context.terminal.Say(
          "handoff: the coordinator does not answer; trying again (Ctrl-C to leave)");
    }
    if (!call.Pause(kBackoff.Delay(failures, 0.5))) return Exit::kInterrupted;
    // Not by the next event: in a quiet pool that may be tomorrow's.
    if (failures > 1 && client->GetPool(&call).ok()) {
      context.terminal.Say("handoff: the coordinator is back");
      failures = 0;
    }
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineEvents(CLI::App& app) {
  const auto flags = std::make_shared<EventFlags>();
  app.add_flag("-f,--follow", flags->follow, "What happens from now on, until Ctrl-C");
  app.add_option("--from", flags->from, "Only events after this revision")->type_name("REVISION");
  app.add_option("--id", flags->id, "Only of this handoff")->type_name("ID");
  return [flags](Context& context) { return Events(*flags, context); };
}

}  // namespace handoff
