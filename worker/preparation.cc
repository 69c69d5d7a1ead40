#include "worker/preparation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/handoff/describe.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "common/uuid.h"
#include "handoff/v1/pool.pb.h"
#include "worker/agent/failure_text.h"
#include "worker/checkout.h"
#include "worker/earlier_logs.h"
#include "worker/inputs.h"
#include "worker/proto_time.h"
#include "worker/question.h"
#include "worker/session_restore.h"

namespace handoff::worker {
namespace {

using Failure = std::optional<PrepareFailure>;

constexpr absl::Duration kSessionLimit = absl::Seconds(60);
constexpr absl::Duration kHardCap = absl::Hours(6);

class Preparation {
 public:
  Preparation(const Surroundings& around, Attempt& attempt, AttemptControl& control,
              AttemptBoard& board)
      : around_(around),
        attempt_(attempt),
        control_(control),
        board_(board),
        config_(around.config.agent(attempt.wanted().agent())) {}

  Prepared Run() {
    const std::vector<Step> for_agent = {&Preparation::FindAgent,    &Preparation::MakeWorkspace,
                                         &Preparation::BringLogs,    &Preparation::BringFiles,
                                         &Preparation::BringSession, &Preparation::MakeSession,
                                         &Preparation::MakeCommand,  &Preparation::AwaitLease};
    const std::vector<Step> for_checks = {&Preparation::MakeWorkspace, &Preparation::BringLogs,
                                          &Preparation::BringFiles, &Preparation::NoteNoAgent};
    const bool only_checks = attempt_.spec->only_checks();
    for (const Step step : only_checks ? for_checks : for_agent) {
      Failure failure = (this->*step)();
      if (control_.interrupt().raised()) return Interrupted{};
      if (failure) return *std::move(failure);
    }
    if (only_checks) return NoAgent{};
    return std::move(shim_);
  }

 private:
  using Step = Failure (Preparation::*)();

  Failure FindAgent() {
    const std::string& name = attempt_.wanted().agent();
    if (attempt_.agent == nullptr) {
      return PrepareFailure{FailureClass::kAgentMissing,
                            absl::StrCat("This worker's version knows no agent '", name, "'."),
                            true, absl::StrCat("agent:", name)};
    }
    auto found = around_.probes.Find(name);
    if (!found) {
      around_.probes.Probe(*attempt_.agent, control_.interrupt().fd());
      found = around_.probes.Find(name);
    }
    if (!found || found->offer.state != AgentState::kReady) {
      const bool missing = !found || found->offer.state == AgentState::kMissing;
      return PrepareFailure{
          missing ? FailureClass::kAgentMissing : FailureClass::kAgentNeedsSetup,
          found ? found->offer.message : absl::StrCat("The agent '", name, "' was not found."),
          true, absl::StrCat("agent:", name)};
    }
    run_.executable = found->executable;
    attempt_.end->set_account(found->offer.account);
    return std::nullopt;
  }

  Failure MakeWorkspace() {
    if (attempt_.has_repository()) {
      if (Failure failure = CheckOut(around_, attempt_, control_, board_)) return failure;
    } else if (attempt_.agent != nullptr && attempt_.agent->needs_repository()) {
      return PrepareFailure::Of(FailureClass::kCheckoutFailed,
                                absl::StrCat("The agent '", attempt_.wanted().agent(),
                                             "' works in a repository, and the handoff has none."));
    } else if (absl::Status made = MakeDirectories(attempt_.workspace); !made.ok()) {
      return Host("making the workspace", made);
    }
    return FindDirectory();
  }

  Failure FindDirectory() {
    cwd_ = attempt_.directory();
    const std::string folder = attempt_.folder();
    if (folder.empty()) return std::nullopt;
    for (const absl::string_view part : absl::StrSplit(folder, '/')) {
      if (part == "..") {
        return PrepareFailure::Of(
            FailureClass::kCheckoutFailed,
            absl::StrCat("The folder '", folder, "' leads out of the workspace."));
      }
    }
    if (PathExists(cwd_)) return std::nullopt;
    return PrepareFailure::Of(
        FailureClass::kCheckoutFailed,
        absl::StrCat("The folder '", folder,
                     "' from which it was submitted is not in the checkout."));
  }

  Failure BringLogs() {
    DropOldQuestion(attempt_);
    BringEarlierLogs(around_, attempt_, control_);
    return std::nullopt;
  }

  // The prompt names them: an agent without them would work on something else.
  Failure BringFiles() {
    const absl::Status brought = BringInputs(around_, attempt_, control_, board_);
    if (brought.ok()) return std::nullopt;
    // A link or a file of the repository where our directory belongs: so on every host.
    if (attempt_.has_repository() && absl::IsFailedPrecondition(brought)) {
      return PrepareFailure::Of(
          FailureClass::kCheckoutFailed,
          absl::StrCat("The attached files could not be put into the checkout: ", brought.message(),
                       "."));
    }
    return Host("putting the attached files beside handoff.md", brought);
  }

  Failure BringSession() {
    RestoreSession(around_, attempt_, control_.interrupt().fd());
    return std::nullopt;
  }

  Failure MakeSession() {
    run_.extra_args = config_.extra_args;
    run_.model = attempt_.wanted().model();
    run_.workspace = attempt_.workspace;
    // Wanted, or created before the daemon was killed.
    run_.session = attempt_.end->session();
    run_.resume = !attempt_.spec->session().empty();
    run_.argv.assign(attempt_.wanted().argv().begin(), attempt_.wanted().argv().end());
    run_.script = attempt_.dir.script();
    const std::string& task = attempt_.wanted().task();
    run_.script_first_line = task.substr(0, std::min<size_t>(task.find('\n'), 256));
    v1::AttemptEnd& end = *attempt_.end;
    const SessionOrigin origin = attempt_.agent->session_origin();
    if (origin == SessionOrigin::kNone) {
      end.clear_session();
      end.set_session_kind(v1::Attempt::SESSION_KIND_UNSPECIFIED);
      return std::nullopt;
    }
    if (end.session_kind() == v1::Attempt::SESSION_KIND_UNSPECIFIED) {
      end.set_session_kind(run_.resume ? v1::Attempt::SAME : v1::Attempt::NEW);
    }
    if (!run_.session.empty()) return std::nullopt;
    if (origin == SessionOrigin::kChosen) run_.session = NewUuid();
    if (origin == SessionOrigin::kCommand) {
      board_.SetStage(Stage::kPreparing, "preparing (creating a session)",
                      AttemptBoard::Urgency::kSoon);
      Failure failure = CreateSession(attempt_.agent->CreateSessionCommand(run_));
      if (failure) return failure;
    }
    end.set_session(run_.session);
    return std::nullopt;
  }

  PrepareFailure NoSession(FailureClass failure, absl::string_view why) const {
    const bool host =
        failure == FailureClass::kAgentMissing || failure == FailureClass::kAgentNeedsSetup;
    return {failure,
            absl::StrCat("No session could be created, so the agent was not started: ", why, "."),
            host, host ? absl::StrCat("agent:", attempt_.wanted().agent()) : ""};
  }

  Failure CreateSession(const std::vector<std::string>& argv) {
    SpawnOptions options;
    options.argv = argv;
    options.env = EnvironmentOf({});
    options.cwd = cwd_;
    const auto result = RunProcess(options, "", kSessionLimit, control_.interrupt().fd());
    attempt_.EndStrays();  // what it started in a session of its own: no shim will find that
    if (!result.ok()) {
      // It was there when it was probed.
      const bool missing =
          absl::IsNotFound(result.status()) || absl::IsPermissionDenied(result.status());
      return NoSession(missing ? FailureClass::kAgentMissing : FailureClass::kSessionFailed,
                       result.status().message());
    }
    if (result->timed_out) {
      return NoSession(
          FailureClass::kSessionFailed,
          absl::StrCat(ShellJoin(argv), " gave no answer within ", HumanDuration(kSessionLimit)));
    }
    if (!result->status.ok()) {
      const std::string said = OneLine(result->err + result->out, 300);
      const FailureClass known = ClassifyErrorText(said).failure;
      return NoSession(
          known == FailureClass::kNone ? FailureClass::kSessionFailed : known,
          absl::StrCat(ShellJoin(argv), " exited with status ", result->status.code, ": ", said));
    }
    auto session = attempt_.agent->ParseSessionId(result->out);
    if (!session.ok()) return NoSession(FailureClass::kSessionFailed, session.status().message());
    run_.session = *std::move(session);
    return std::nullopt;
  }

  Failure MakeCommand() {
    const AgentCommand command = attempt_.agent->Command(run_);
    const std::string name = absl::StrCat("attempt-", attempt_.key.number, ".prompt.md");
    v1::AttemptEnd& end = *attempt_.end;
    end.set_command(EscapeInvalidUtf8(ShellJoin(command.argv)));
    absl::Status status;
    if (command.prompt_on_stdin) {
      const std::string folder = absl::StrCat(".cursor/agent-handoffs/", attempt_.key.handoff_id);
      absl::StrAppend(end.mutable_command(), " < ", ShellQuote(attempt_.dir.prompt()));
      end.set_safe_command(absl::StrCat(
          "cd ", ShellQuote(cwd_), " && ", EscapeInvalidUtf8(ShellJoin(command.argv)), " < ",
          folder, "/", name, " > ", folder, "/attempt-", attempt_.key.number + 1, ".log 2>&1"));
      const std::string prompt =
          PromptFor(attempt_.Record(around_.config.name), attempt_.key.number,
                    {attempt_.agent->forgets_interrupted(), attempt_.agent->id_proves_session()});
      if (Failure failure = CheckLength(command, prompt)) return failure;
      status = WriteFileAtomically(attempt_.dir.prompt(), prompt);
      attempt_.files.CopyFile(attempt_.dir.prompt(), name, /*keep=*/false).IgnoreError();
      shim_.stdin_path = attempt_.dir.prompt();
    } else {
      end.set_safe_command(absl::StrCat("cd ", ShellQuote(cwd_), " && ", end.command()));
      if (run_.argv.empty()) {
        status = WriteFileAtomically(attempt_.dir.script(), attempt_.wanted().task(), 0700);
      }
    }
    if (Failure failure = WriteFiles(status)) return failure;
    FillShim(command);
    return std::nullopt;
  }

  // No session, no prompt, no command; the files say so.
  Failure NoteNoAgent() {
    attempt_.end->clear_session();
    attempt_.end->set_session_kind(v1::Attempt::SESSION_KIND_UNSPECIFIED);
    return WriteFiles(absl::OkStatus());
  }

  Failure WriteFiles(absl::Status status) {
    if (status.ok()) status = attempt_.SaveLaunch();
    if (status.ok()) {
      status = attempt_.files.WriteDocument(attempt_.Document(around_.config.name, nullptr));
    }
    return status.ok() ? Failure() : Host("writing the attempt's files", status);
  }

  Failure CheckLength(const AgentCommand& command, absl::string_view prompt) const {
    const uint64_t most = command.most_prompt_characters;
    if (most == 0 || prompt.size() <= most) return std::nullopt;
    const auto characters = static_cast<uint64_t>(std::count_if(
        prompt.begin(), prompt.end(), [](unsigned char c) { return (c & 0xc0U) != 0x80U; }));
    if (characters <= most) return std::nullopt;
    return PrepareFailure::Of(
        FailureClass::kLimitExceeded,
        absl::StrCat("The prompt has ", characters, " characters and the agent '",
                     attempt_.wanted().agent(), "' takes at most ", most,
                     ", so it was not started; shorten the task, or put it into a file of the "
                     "repository."));
  }

  void FillShim(const AgentCommand& command) {
    shim_.handoff_id = attempt_.key.handoff_id;
    shim_.attempt = attempt_.key.number;
    shim_.epoch = attempt_.epoch;
    shim_.argv = command.argv;
    shim_.env = EnvironmentOf(command.env);
    shim_.cwd = cwd_;
    shim_.boot_id = around_.boot_id;
    shim_.orphan_timeout_ns = absl::ToInt64Nanoseconds(around_.config.orphan_timeout);
    shim_.disk_reserve_bytes = around_.disk_reserve;
  }

  std::vector<std::string> EnvironmentOf(const Environment& of_agent) const {
    return attempt_.EnvironmentOf(around_.config, of_agent, attempt_.dir.path());
  }

  // After a restart the lease is known only from the next Sync; and it may have run out meanwhile.
  // Nothing of an attempt runs without one.
  Failure AwaitLease() {
    const BootTime begun = around_.clock.Boot();
    while (!control_.interrupt().raised()) {
      const BootTime now = around_.clock.Boot();
      if (control_.deadline() > now) break;
      if (now - begun > around_.config.orphan_timeout) {
        return PrepareFailure::Of(FailureClass::kWorkerLost,
                                  "Nobody renewed the lease for so long that the worker gave up.");
      }
      board_.SetStage(Stage::kPreparing, "preparing (waiting for the lease to be renewed)",
                      AttemptBoard::Urgency::kSoon);
      control_.Wait(around_.clock, now + absl::Minutes(1));
    }
    const absl::Duration cap = attempt_.wanted().has_timeout()
                                   ? FromProto(attempt_.wanted().timeout())
                                   : config_.hard_cap.value_or(kHardCap);
    shim_.lease_deadline_ns = control_.deadline().ns;
    shim_.hard_cap_ns = (around_.clock.Boot() + cap).ns;
    return std::nullopt;
  }

  static PrepareFailure Host(absl::string_view what, const absl::Status& status) {
    return {FailureClass::kEnvironmentFailed,
            absl::StrCat("The worker failed at ", what, ": ", status.message(), "."), false, ""};
  }

  const Surroundings& around_;
  Attempt& attempt_;
  AttemptControl& control_;
  AttemptBoard& board_;
  const AgentConfig& config_;
  AgentRun run_;
  std::string cwd_;
  ShimSpec shim_;
};

}  // namespace

Prepared PrepareAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                        AttemptBoard& board) {
  return Preparation(around, attempt, control, board).Run();
}

}  // namespace handoff::worker
