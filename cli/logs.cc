// handoff logs

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/follow.h"
#include "cli/submit_follow.h"
#include "cli/text/json.h"
#include "cli/text/log_part.h"
#include "cli/text/transcript.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct LogFlags {
  std::string id = "-";
  bool follow = false, raw = false, checks = false;
  std::optional<int> attempt;
  std::optional<int64_t> tail, from, bytes;
};

constexpr int64_t kMostBytes = 1 << 20;

absl::Status Check(const LogFlags& flags) {
  if (flags.attempt.value_or(1) < 1) return absl::InvalidArgumentError("--attempt counts from 1");
  if (flags.tail.value_or(0) < 0) {
    return absl::InvalidArgumentError("--tail counts lines: 0 or more");
  }
  if (flags.from.value_or(0) < 0) {
    return absl::InvalidArgumentError("--from counts bytes: 0 or more");
  }
  if (flags.bytes.value_or(1) < 1 || flags.bytes.value_or(1) > kMostBytes) {
    return absl::InvalidArgumentError("--bytes takes 1 to 1048576 (1 MiB)");
  }
  return absl::OkStatus();
}

// Where to begin.
absl::StatusOr<uint64_t> Begin(const LogFlags& flags, const FollowOptions& options, Client& client,
                               Context& context) {
  StreamCall call;
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  if (flags.tail) {
    return OffsetOfTail(client, call, options, static_cast<uint64_t>(*flags.tail));
  }
  const uint64_t from = static_cast<uint64_t>(flags.from.value_or(0));
  if (from == 0) return from;
  ASSIGN_OR_RETURN(const uint64_t size, OffsetOfTail(client, call, options, 0));
  if (from <= size) return from;
  return absl::InvalidArgumentError(
      absl::StrCat("--from ", from, " is past the end: the log has ", size, " bytes"));
}

// Why there is nothing to show.
std::string EmptyWords(const LogFlags& flags, const v1::Handoff& handoff) {
  if (flags.checks && handoff.checks().empty()) {
    return absl::StrCat(handoff.id(), " has no checks; submit --check CMD declares some");
  }
  // Followed, it has ended since `handoff` was read.
  if (flags.checks && flags.follow) return "no checks of the attempt were run";
  if (flags.follow) return "the attempt wrote nothing; its log is empty";
  const int number = flags.attempt.value_or(std::max(1, handoff.attempts_size()));
  const bool known = number <= handoff.attempts_size();
  const auto state = known ? handoff.attempts(number - 1).state() : v1::Attempt::QUEUED;
  if (flags.checks) {
    const bool lives = state == v1::Attempt::QUEUED || state == v1::Attempt::LEASED ||
                       state == v1::Attempt::RUNNING;
    return absl::StrCat("no checks of the attempt were run", lives ? " yet" : "");
  }
  const bool begun = state != v1::Attempt::QUEUED && state != v1::Attempt::LEASED;
  return absl::StrCat("attempt ", number,
                      !begun                          ? " has not started; its log is empty"
                      : state == v1::Attempt::RUNNING ? " has written nothing yet"
                                                      : " wrote nothing; its log is empty");
}

VerbResult Ended(const absl::Status& status, const LogFlags& flags, const v1::Handoff& handoff,
                 Context& context) {
  if (absl::IsCancelled(status)) {
    if (flags.follow && !IsSettled(handoff)) {
      context.terminal.Say(absl::StrCat("handoff: you left; ", handoff.id(),
                                        " goes on. 'handoff logs -f ", handoff.id(),
                                        "' follows it again"));
    }
    return Exit::kInterrupted;
  }
  RETURN_IF_ERROR(status);
  return Exit::kDone;
}

struct Read {
  absl::Status status;
  int attempt = 0;
  bool empty = false;
  bool enough = false;  // nobody reads any more
};

// One attempt's log to its end.
Read ReadOne(const LogFlags& flags, const FollowOptions& options, const v1::Handoff& handoff,
             Client& client, Context& context) {
  StreamCall call;
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  Terminal& terminal = context.terminal;
  Read read;
  read.attempt = options.attempt > 0 ? options.attempt : std::max(1, handoff.attempts_size());
  read.empty = options.offset == 0;
  Transcript transcript(handoff.agent() != "command" && !flags.checks, terminal.OutView().colour);
  read.status = FollowLog(client, call, terminal, options, [&](const v1::LogChunk& chunk) {
    if (chunk.attempt() > 0) read.attempt = chunk.attempt();
    if (!chunk.marker().empty())
      terminal.Say(absl::StrCat("handoff: ", OneLine(chunk.marker(), 400)));
    read.empty = read.empty && chunk.data().empty();
    const absl::StatusOr<std::string> text = context.json ? ToJsonLine(chunk)
                                             : flags.raw  ? chunk.data()
                                                          : transcript.Feed(chunk.data());
    read.enough = !terminal.Out(text);
    return !read.enough;
  });
  if (!flags.raw && !context.json) terminal.Out(transcript.End());
  return read;
}

absl::StatusOr<std::string> PartText(const LogFlags& flags, const v1::Handoff& handoff,
                                     const v1::LogChunk& chunk, const Context& context) {
  if (context.json) return ToJsonLine(chunk);
  if (flags.raw) return chunk.data();
  Transcript transcript(handoff.agent() != "command" && !flags.checks,
                        context.terminal.OutView().colour);
  const std::string text = transcript.Feed(chunk.data());
  return absl::StrCat(text, transcript.End());
}

// At most so many bytes, and where to go on.
VerbResult ReadPart(const LogFlags& flags, const FollowOptions& options, const v1::Handoff& handoff,
                    Client& client, Context& context) {
  StreamCall call;
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  Terminal& terminal = context.terminal;
  ASSIGN_OR_RETURN(const uint64_t size, OffsetOfTail(client, call, options, 0));
  const uint64_t most = static_cast<uint64_t>(*flags.bytes);
  v1::LogChunk part;
  part.set_offset(options.offset);
  part.set_attempt(options.attempt > 0 ? options.attempt : std::max(1, handoff.attempts_size()));
  RETURN_IF_ERROR(FollowLog(client, call, terminal, options, [&](const v1::LogChunk& chunk) {
    if (chunk.attempt() > 0) part.set_attempt(chunk.attempt());
    if (!chunk.marker().empty())
      terminal.Say(absl::StrCat("handoff: ", OneLine(chunk.marker(), 400)));
    part.mutable_data()->append(chunk.data());
    part.set_end(chunk.end());
    return !HasPart(part.data(), most, flags.raw);
  }));
  const uint64_t known = std::max<uint64_t>(size, part.offset() + part.data().size());
  part.mutable_data()->resize(PartOf(part.data(), most, part.end(), flags.raw));
  const uint64_t end = part.offset() + part.data().size();
  part.set_end(part.end() && end == known);
  if (known == 0) {
    terminal.Say(EmptyWords(flags, handoff));
  } else {
    terminal.Out(PartText(flags, handoff, part, context));
  }
  terminal.Say(RenderLogPart({part.attempt(), part.offset(), end, known}));
  return Exit::kDone;
}

VerbResult Logs(const LogFlags& flags, Context& context) {
  RETURN_IF_ERROR(Check(flags));
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
  if (flags.checks && handoff.checks().empty()) {
    context.terminal.Say(EmptyWords(flags, handoff));
    return Exit::kDone;
  }
  FollowOptions options{handoff.id(), flags.attempt.value_or(0), 0, flags.follow, flags.checks};
  ASSIGN_OR_RETURN(options.offset, Begin(flags, options, *client, context));
  if (flags.bytes) return ReadPart(flags, options, handoff, *client, context);
  while (true) {
    const Read read = ReadOne(flags, options, handoff, *client, context);
    if (read.status.ok() && read.empty) context.terminal.Say(EmptyWords(flags, handoff));
    const bool goes_on = flags.follow && !flags.attempt && read.status.ok() && !read.enough;
    if (!goes_on) return Ended(read.status, flags, handoff, context);
    // A message, an answer or a retry: the next one follows by itself.
    const auto next = AwaitAttempt(handoff.id(), read.attempt + 1, context);
    if (!next.ok()) return Ended(next.status(), flags, handoff, context);
    if (!HasBegun(*next, read.attempt + 1)) return Exit::kDone;
    context.terminal.Say(absl::StrCat("handoff: attempt ", read.attempt + 1));
    options.attempt = read.attempt + 1;
    options.offset = 0;
  }
}

}  // namespace

VerbRun DefineLogs(CLI::App& app) {
  const auto flags = std::make_shared<LogFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  const auto follow =
      app.add_flag("-f,--follow", flags->follow,
                   "Go on until it ends, to further attempts, too; Ctrl-C only leaves");
  app.add_option("--attempt", flags->attempt, "This attempt; the latest unless given")
      ->type_name("N");
  app.add_flag("--checks", flags->checks,
               "What the checks after the agent wrote, and how they ended");
  app.add_flag("--raw", flags->raw, "The exact bytes that the agent wrote");
  const auto tail =
      app.add_option("--tail", flags->tail, "Begin with the last N lines; 0: with what comes");
  tail->type_name("N");
  app.add_option("--from", flags->from, "Begin at this byte")->type_name("OFFSET")->excludes(tail);
  app.add_option("--bytes", flags->bytes,
                 "At most so many of the log, in whole lines; says where to go on")
      ->type_name("N")
      ->excludes(follow);
  return [flags](Context& context) { return Logs(*flags, context); };
}

}  // namespace handoff
