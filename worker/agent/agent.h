// One adapter per agent CLI. Adapters are stateless translators: they start nothing and read no
// clock, so a test is text in, struct out. What one run needs to remember while its stream is
// parsed is a StreamParser.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "worker/agent/agent_event.h"
#include "worker/agent/probe_spec.h"

namespace handoff {

// What one attempt asks of an adapter.
struct AgentRun {
  std::string executable;               // from the probe: absolute path
  std::vector<std::string> extra_args;  // [agents.NAME] extra_args of the worker's config
  std::string model;                    // empty: the agent's default
  std::string session;                  // id; empty for agents without sessions
  bool resume = false;                  // the session has earlier turns
  std::vector<std::string> argv;        // agent `command`: run exactly this
  std::string script;  // agent `command` without argv: path of the file that holds the task
  std::string
      script_first_line;  // of that file: "#!/usr/bin/env python3" is honoured; else /bin/sh
  std::string workspace;  // absolute path
};

// How to run it. The prompt goes in on stdin when `prompt_on_stdin`; else stdin is /dev/null.
struct AgentCommand {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // on top of the attempt's environment
  bool prompt_on_stdin = true;
  uint64_t most_prompt_characters = 0;  // the CLI refuses a longer one; 0: no limit is known
};

// Where the id of a new session comes from.
enum class SessionOrigin {
  kNone,     // the agent has no sessions
  kCommand,  // a command of the CLI makes one before the first run
  kChosen,   // we choose it, a UUID, and tell the first run
  kStream,   // the CLI chooses, and names it in its stream
};

// Which session is meant, and where its CLI ran.
struct SessionPlace {
  std::string home;                        // HOME of the agent
  std::map<std::string, std::string> env;  // of the agent; variables may move its files
  std::string directory;                   // in which it ran: absolute, links resolved
  std::string session;
};
// The files that hold a session: patterns of glob(7) below `root`, where `**` matches any depth.
struct SessionFiles {
  std::string root;  // absolute; empty: not known for this agent, so a session stays on its host
  std::vector<std::string> patterns;
};

class Agent {
 public:
  virtual ~Agent() = default;
  virtual absl::string_view name() const = 0;
  virtual SessionOrigin session_origin() const = 0;
  virtual bool needs_repository() const = 0;
  // False: `command`. Then there is no stream, no first-event and no idle clock unless asked for.
  virtual bool has_stream() const = 0;
  virtual ProbeSpec Probe() const = 0;
  // `output` is absent when no candidate was found.
  virtual ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const = 0;
  // For kCommand: argv that prints a new session id, and the id in what it printed; an error says
  // what was printed instead.
  virtual std::vector<std::string> CreateSessionCommand(const AgentRun&) const { return {}; }
  virtual absl::StatusOr<std::string> ParseSessionId(absl::string_view) const {
    return absl::FailedPreconditionError("this agent has no command that makes a session");
  }
  virtual AgentCommand Command(const AgentRun& run) const = 0;
  // To answer a prompt on stdin from that alone, in a session that nobody goes on with and a mode
  // in which the CLI changes nothing. The worker's extra_args could undo that, so they are left
  // out, but for those that cannot. Absent: it has no such mode.
  virtual std::optional<AgentCommand> SummaryCommand(const AgentRun&) const { return std::nullopt; }
  // The same for a prompt that has no word of anybody else: a mode in which it only reads will do,
  // though a model could leave it.
  virtual std::optional<AgentCommand> TurnCommand(const AgentRun& run) const {
    return SummaryCommand(run);
  }
  virtual std::unique_ptr<StreamParser> NewParser() const = 0;
  virtual SessionFiles FilesOf(const SessionPlace&) const { return {}; }
  // Where such a file, named from its root, has to lie so that the session goes on in `place`.
  virtual std::string FileIn(const SessionPlace& /*place*/, const std::string& file) const {
    return file;
  }
  // Small files that the CLI wants there, too, where the session began in another directory: what
  // is in each, by its name from the root.
  virtual std::map<std::string, std::string> FilesBeside(const SessionPlace&) const { return {}; }
  // For a CLI whose sessions are no files that could be taken: writes place.session into the file
  // that FilesOf names; and takes it from there, for the directory in which it is run. Absent: the
  // files are the session.
  virtual std::optional<AgentCommand> SaveSessionCommand(const std::string& /*executable*/,
                                                         const SessionPlace&) const {
    return std::nullopt;
  }
  virtual std::optional<AgentCommand> LoadSessionCommand(const std::string& /*executable*/,
                                                         const SessionPlace&) const {
    return std::nullopt;
  }
  // kChosen: the stream tells the id only in its last line, so that one which was killed has a
  // session all the same.
  virtual bool names_session_last() const { return false; }
  // False: where it does not have that session it begins an empty one under the same id.
  virtual bool id_proves_session() const { return true; }
  // It keeps nothing of a turn that was ended from outside, and resumes the conversation without a
  // word of that.
  virtual bool forgets_interrupted() const { return false; }
  // How long it may take to its first event, unless somebody set that.
  virtual absl::Duration first_event_limit() const { return absl::Minutes(2); }
  // How long it may stay, silent, after what looked like its terminal event.
  virtual absl::Duration finish_grace() const { return absl::Seconds(10); }
  // When the process ended without a usable result: what its stderr and exit say (login, trust,
  // missing model, …). kNone: nothing known, the general rule decides.
  virtual Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const = 0;
};

}  // namespace handoff
