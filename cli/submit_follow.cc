#include "cli/submit_follow.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/await.h"
#include "cli/follow.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/text/transcript.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kPushWait = absl::Minutes(2);

// The push comes after the end, and whoever is told goes on with the branch.
v1::Handoff AwaitPush(const v1::Handoff& ended, Context& context) {
  const auto known = [](const v1::Handoff& handoff) {
    if (!handoff.spec().push() || handoff.attempts().empty()) return true;
    const v1::Attempt& attempt = *handoff.attempts().rbegin();
    const bool pushes =
        attempt.state() == v1::Attempt::SUCCEEDED || attempt.state() == v1::Attempt::FAILED;
    return !pushes || !attempt.end().changed() || attempt.has_push();
  };
  if (known(ended)) return ended;
  // Its worker may have gone: then what became of it is not known here either.
  const auto handoffs = Await(context, {ended.id()}, kPushWait, known, [](const v1::Handoff&) {});
  return handoffs.ok() ? handoffs->front() : ended;
}

VerbResult Verdict(const v1::Handoff& handoff, Context& context, const OnEnd& on_end) {
  if (context.json) {
    context.terminal.Out(ToJsonLine(handoff));
  }
  context.terminal.Say(RenderVerdict(handoff, context.terminal.ErrView()));
  if (on_end) on_end(AwaitPush(handoff, context));
  return ExitFor(handoff);
}

// One attempt's log. CANCELLED when the person left.
absl::Status FollowAttempt(const v1::Handoff& handoff, int attempt, Client& client,
                           Context& context) {
  StreamCall call;
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  Terminal& terminal = context.terminal;
  Transcript transcript(handoff.agent() != "command", false);
  const auto show = [&](const std::string& text) {
    if (!text.empty()) terminal.Relay(absl::StripSuffix(text, "\n"));
  };
  const absl::Status status = FollowLog(
      client, call, terminal, {handoff.id(), attempt, 0, true}, [&](const v1::LogChunk& chunk) {
        if (!chunk.marker().empty()) show(absl::StrCat("handoff: ", OneLine(chunk.marker(), 400)));
        show(transcript.Feed(chunk.data()));
        return true;
      });
  show(transcript.End());
  return status;
}

VerbResult Left(const std::string& id, const absl::Status& status, Context& context) {
  if (!absl::IsCancelled(status)) return status;
  context.terminal.Say(absl::StrCat("handoff: you left; ", id, " goes on. 'handoff logs -f ", id,
                                    "' follows it again"));
  return Exit::kInterrupted;
}

}  // namespace

bool HasBegun(const v1::Handoff& handoff, int number) {
  return handoff.attempts_size() >= number &&
         handoff.attempts(number - 1).state() != v1::Attempt::QUEUED;
}

absl::StatusOr<v1::Handoff> AwaitAttempt(const std::string& id, int number, Context& context) {
  // It may wait for a host, or for a retry.
  const auto enough = [number](const v1::Handoff& handoff) {
    return IsSettled(handoff) || HasBegun(handoff, number);
  };
  ASSIGN_OR_RETURN(std::vector<v1::Handoff> handoffs, Await(context, {id}, absl::InfiniteDuration(),
                                                            enough, [](const v1::Handoff&) {}));
  return std::move(handoffs.front());
}

VerbResult FollowToEnd(const std::string& id, Context& context, int first, const OnEnd& on_end) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  for (int attempt = first;; ++attempt) {
    const auto handoff = AwaitAttempt(id, attempt, context);
    if (!handoff.ok()) return Left(id, handoff.status(), context);
    if (!HasBegun(*handoff, attempt)) return Verdict(*handoff, context, on_end);
    if (attempt > 1) context.terminal.Say(absl::StrCat("handoff: attempt ", attempt));
    const absl::Status status = FollowAttempt(*handoff, attempt, *client, context);
    if (!status.ok()) return Left(id, status, context);
  }
}

VerbResult WaitToEnd(const std::string& id, Context& context, const OnEnd& on_end) {
  const auto handoffs =
      Await(context, {id}, absl::InfiniteDuration(), IsSettled, [](const v1::Handoff&) {});
  if (!handoffs.ok()) return Left(id, handoffs.status(), context);
  return Verdict(handoffs->front(), context, on_end);
}

}  // namespace handoff
