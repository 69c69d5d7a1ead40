#include "cli/text/mcp_table.h"

namespace handoff {
namespace {

using P = McpParameter;

// What every client can say exactly: they count in doubles.
constexpr int64_t kMostOffset = (int64_t{1} << 53) - 1;

// A verb that moves a repository's state or an agent's work.
constexpr absl::Duration kForWork = absl::Minutes(10);

P Repo() {
  return {"repo", P::kText, P::kRepo, "",
          "Directory of the repository that is meant; where this server was started unless given"};
}

P IdToLookAt() {
  return {"id",
          P::kText,
          P::kId,
          "",
          "Any unique part of the handoff's id; \"-\" is the user's last one in this repository",
          /*required=*/true};
}

P IdToActOn() {
  return {"id",
          P::kText,
          P::kId,
          "",
          "The full id, or a part of it that no other handoff has; \"-\" is the user's last one in "
          "this repository",
          /*required=*/true};
}

P Text(absl::string_view name, absl::string_view flag, absl::string_view about) {
  return {name, P::kText, P::kOption, flag, about};
}
P Texts(absl::string_view name, absl::string_view flag, absl::string_view about) {
  return {name, P::kTexts, P::kOption, flag, about};
}
P Flag(absl::string_view name, absl::string_view flag, absl::string_view about) {
  return {name, P::kFlag, P::kOption, flag, about};
}
P Number(absl::string_view name, absl::string_view flag, absl::string_view about, int64_t least,
         int64_t most) {
  return {name, P::kNumber, P::kOption, flag, about, /*required=*/false, least, most};
}
P Attempt() {
  return Number("attempt", "--attempt", "Of this attempt; the latest unless given", 1, 1000000);
}
P Input(absl::string_view name, absl::string_view about, bool required) {
  return {name, P::kText, P::kInput, "", about, required};
}
P Offset() {
  return {
      "offset", P::kNumber, P::kOffset, "", "Where to go on: the offset that a cut answer named",
      false,    0,          kMostOffset};
}
P MostBytes() {
  return {"max_bytes", P::kNumber, P::kMost, "", "Bytes of an answer; 16384 unless given",
          false,       256,        65536};
}

McpTool Submit() {
  P from = Text("from", "--from",
                "worktree (default): all the user sees, uncommitted changes too; head: commits "
                "only; pushed: as at origin");
  from.one_of = {"worktree", "head", "pushed"};
  return {
      "submit",
      "Hand a task over",
      "Gives a task to a headless agent on one of the user's build hosts, which works in a copy of "
      "the repository as it is now, uncommitted changes included; nothing here is changed. Use it "
      "when the user asks for it: to hand off, delegate or run something in the background. First "
      "restate the task so that it stands alone (goal, files, constraints, commands that must "
      "pass): that agent does not see this conversation. Answers at once with the id; then use "
      "wait. An equivalent one that is live is refused and named: reuse joins it.",
      {Input("task",
             "What the agent is to do, complete and self-contained. With agent command: a "
             "shell script",
             /*required=*/true),
       Repo(),
       Text("agent", "--agent",
            "cursor, claude, codex, gemini, opencode, copilot, qwen, command, or another one that "
            "the pool has; the repository's default "
            "unless given. command runs the task as a script, for builds"),
       Text("model", "--model", "The agent's own name for a model"),
       Texts("checks", "--check",
             "Shell commands that run in the work tree after the agent and "
             "must exit with 0; they decide over success"),
       Number("check_retries", "--check-retries",
              "Attempts more that are told how the checks failed", 0, 20),
       std::move(from),
       Texts("include", "--include", "Paths to send although they are held back"),
       Texts("require", "--require", "Only on workers with this label: KEY=VALUE"),
       Text("on", "--on", "Only on this worker"),
       Texts("labels", "--label", "Tags to find it by: KEY=VALUE"),
       Text("timeout", "--timeout", "Of one attempt, as 90s, 30m or 2h; 6h unless given"),
       Text("deadline", "--deadline", "Of all attempts together, as 2h"),
       Number("retries", "--retries", "After failures of hosts and network; 2 unless given", 0, 10),
       Flag("push", "--push", "Push its work to branch handoff/ID of the remote"),
       Flag("reuse", "--reuse", "Take a live one that asks for the same, if there is one"),
       Flag("allow_duplicate", "--allow-duplicate", "Although one that asks for the same is live"),
       Flag("private", "--private", "Task and log are shown to the user alone"),
       Flag("child", "--child",
            "Let that agent hand off further tasks itself; only when the user "
            "wants that"),
       Flag("dry_run", "--dry-run", "Only say what would leave this machine")},
      /*read_only=*/false,
      /*destructive=*/false,
      McpTool::kSubmit,
      kForWork};
}

std::vector<McpTool> ToLook() {
  P limit = Number("limit", "--limit", "At most so many; 20 unless given", 1, 200);
  limit.otherwise = "20";
  return {
      {"list",
       "List handoffs",
       "The user's handoffs, live or from the last day, those that need a person first: id, state, "
       "repository, worker, checks, changes, reason. Look here for an equivalent one before "
       "submit.",
       {Repo(), Flag("all", "--all", "Everybody's, however long ago they ended"),
        Texts("status", "--status",
              "queued, running, stalled, waiting, interactive, succeeded, "
              "failed, cancelled"),
        Text("repository", "--repo", "Whose repository's address contains this"),
        Text("worker", "--worker", "Of which an attempt ran there"),
        Text("owner", "--owner", "Of this person"),
        Texts("labels", "--label", "With this label: KEY=VALUE"), std::move(limit)}},
      {"show",
       "Show a handoff",
       "One handoff: verdict and reason, what happens now, the agent's last line, files, checks, "
       "and what to do next. With markdown its handoff.md: summary, facts, prompts to go on with.",
       {IdToLookAt(), Repo(), Flag("markdown", "--md", "The whole handoff.md instead"), Offset(),
        MostBytes()}},
      {"why",
       "Why it waits or failed",
       "Why a handoff waits, failed, is silent or is not tried again, and what would help.",
       {IdToLookAt(), Repo()}},
      {"diff",
       "What it changed",
       "What its work changed against what was submitted, as a patch. Begin with stat for the list "
       "of files; a long patch comes in parts.",
       {IdToLookAt(), Repo(), Flag("stat", "--stat", "Only which files, and how much"), Attempt(),
        Flag("base", "--base",
             "Against the commit the user was on, so that what was uncommitted "
             "shows, too"),
        Offset(), MostBytes()},
       true,
       false,
       McpTool::kPlain,
       kForWork},
  };
}

McpTool Logs() {
  P most = Number("max_bytes", "--bytes", "Bytes of the log; 16384 unless given", 256, 65536);
  most.otherwise = "16384";
  return {
      "logs",
      "Read an attempt's log",
      "A part of an attempt's log, made readable: what the agent said, which tools it used and "
      "how they ended. Begins at offset, or with the last lines; the answer names the offset "
      "at which the next part begins. Prefer show and summary to reading all of it.",
      {IdToLookAt(), Repo(), Attempt(),
       Number("offset", "--from", "Begin at this byte of the log; 0 unless given", 0, kMostOffset),
       Number("tail", "--tail", "Begin with the last lines instead, so many", 0, 10000),
       std::move(most),
       Flag("checks", "--checks", "What the checks after the agent wrote instead")},
      true,
      false,
      McpTool::kLogs};
}

P Refresh() {
  P refresh = Flag("refresh", "--refresh", "Have it made now; with an offset it is not");
  refresh.anew = true;
  return refresh;
}

McpTool Wait() {
  P seconds =
      Number("timeout_seconds", "--timeout",
             "How long, 1 to 50; 45 unless given. It goes on meanwhile and afterwards", 1, 50);
  seconds.unit = "s";
  seconds.otherwise = "45s";
  return {"wait",
          "Wait for a handoff",
          "Until it has ended or needs a person, at most 50 seconds: says how it ended, or how it "
          "stands and that it goes on. Call it again as long as that is worth it; in between do "
          "other work, or tell the user how it stands. A handoff needs nobody who waits.",
          {IdToLookAt(), Repo(), std::move(seconds)},
          true,
          false,
          McpTool::kWait,
          absl::Seconds(58)};
}

std::vector<McpTool> ToAct() {
  return {
      {"summary",
       "Summary of an attempt",
       "What another agent made of an attempt's log, held against that log, or the bare facts. "
       "refresh has it made now, which costs tokens and may take minutes: when it is not there "
       "after 50 seconds, ask again later without refresh.",
       {IdToLookAt(), Repo(), Attempt(), Refresh(), Offset(), MostBytes()},
       false},
      {"send",
       "Send its agent a message",
       "Tells its agent something more, or answers what it asks (status waiting). It is read when "
       "the running attempt has ended; with now that is interrupted. Where none runs, another "
       "attempt begins with it.",
       {IdToActOn(), Input("message", "What the agent is told", /*required=*/true), Repo(),
        Flag("now", "--now", "Interrupt the running attempt")},
       false},
      {"resume",
       "One more attempt",
       "Goes on with a handoff that has ended, in the same session and work where that is "
       "possible.",
       {IdToActOn(), Repo(), Text("on", "--on", "Only on this worker"),
        Flag("fresh_session", "--fresh-session", "In a new session, told what is known"),
        Number("from_attempt", "--from-attempt", "From what this attempt left", 1, 1000000),
        Text("agent", "--agent", "Another agent than before"),
        Text("model", "--model", "Another model than before"),
        Texts("checks", "--check", "Commands that must pass, instead of those submitted"),
        Text("timeout", "--timeout", "The attempt's hard cap, as 2h")},
       false},
      {"cancel",
       "End a handoff",
       "Ends it with its whole process tree; its work so far is kept. Only when the user wants it.",
       {IdToActOn(), Repo(), Text("reason", "--reason", "Kept with the handoff")},
       false,
       true},
  };
}

// Into the user's hands, and back.
std::vector<McpTool> ToGoOnByHand() {
  return {
      {"takeover",
       "Take it over",
       "Puts it into the user's hands: no agent runs any more, its work lies in a work tree beside "
       "the repository, and the answer is the prompt to go on with, and where that tree is. Go on "
       "there yourself; then use return. A running one needs stop.",
       {IdToActOn(), Repo(),
        Flag("stop", "--stop", "Of a running one: have its work saved and its agent ended first"),
        Flag("here", "--here",
             "In the work tree of repo itself, while it still is what was "
             "submitted"),
        Text("dir", "--dir", "Where the work tree is made instead")},
       false,
       true,
       McpTool::kPlain,
       kForWork,
       kForWork,  // a work tree must not stay half written
       "the rest is in the work tree: .cursor/agent-handoffs/ID/takeover-prompt.md"},
      {"return",
       "Give it back",
       "Gives a taken over handoff back with what was changed in its work tree: another attempt "
       "goes on with it, or with done it ends, by its checks. Says what was returned and what was "
       "held back.",
       {IdToActOn(), Repo(), Input("message", "What its agent is told beside the changes", false),
        Flag("done", "--done", "No agent goes on: its checks run, and it ends"),
        Flag("unchanged", "--unchanged", "As it was taken; what was changed stays where it is"),
        Text("dir", "--dir", "The work tree, when repo is not its repository"),
        Texts("include", "--include", "Paths to return although they are held back")},
       false,
       false,
       McpTool::kPlain,
       kForWork},
  };
}

}  // namespace

std::vector<McpTool> MakeMcpTools() {
  std::vector<McpTool> tools = {Submit()};
  for (McpTool& tool : ToLook()) tools.push_back(std::move(tool));
  tools.push_back(Logs());
  tools.push_back(Wait());
  for (McpTool& tool : ToAct()) tools.push_back(std::move(tool));
  for (McpTool& tool : ToGoOnByHand()) tools.push_back(std::move(tool));
  return tools;
}

}  // namespace handoff
