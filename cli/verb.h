// What a verb is: a name, its flags, and what it does with them. The table of all verbs is in
// verbs.cc; each verb has a file of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/client.h"
#include "cli/interrupt.h"
#include "cli/pools.h"
#include "cli/renewal.h"
#include "cli/terminal.h"
#include "cli/text/exit_status.h"

namespace CLI {
class App;
}

namespace handoff {

// What a verb works with; lives as long as the command.
struct Context {
  Terminal& terminal;
  Interrupt& interrupt;
  std::vector<std::string> environment;  // NAME=value
  std::string coordinator;               // --coordinator
  bool json = false;
  std::vector<std::string> rest = {};               // what stood behind "--"
  std::optional<PoolAccess> access = std::nullopt;  // of the client
  std::unique_ptr<Client> client = nullptr;
  std::unique_ptr<Renewal> renewal = nullptr;  // over the client

  // The coordinator, found at the first call. Their certificate is renewed meanwhile, when it is
  // time.
  absl::StatusOr<Client*> Connect();
  // What the pool calls them, once connected. "" when only the coordinator knows, as of a token.
  std::string User() const { return access.has_value() ? access->user() : ""; }
  PoolQuestion Question() const;
  // A full id from what a person typed: any unique part, or "-" for their last one in this
  // repository.
  absl::StatusOr<std::string> ResolveId(const std::string& typed);
};

// Which handoffs a verb is for; of those its ID is completed.
enum class Ids { kAny, kLive, kEnded, kTaken };

using VerbResult = absl::StatusOr<Exit>;
using VerbRun = std::function<VerbResult(Context&)>;

struct Verb {
  absl::string_view name;      // "show", "worker list"
  absl::string_view alias;     // "" for none
  absl::string_view summary;   // one line
  absl::string_view examples;  // whole lines
  bool json;                   // has --json
  bool takes_rest;             // "-- ARGV..." is its own
  // Declares the flags; they live in the returned function.
  VerbRun (*define)(CLI::App& app);
  Ids ids = Ids::kAny;
};

const std::vector<Verb>& Verbs();
// By name or alias; null when there is none.
const Verb* FindVerb(absl::string_view name);
// A first word that needs a second one: "worker", "user", "token".
bool IsVerbGroup(absl::string_view word);
// The verb's flags, and those that every verb has. What is given outlives `app`.
VerbRun DefineVerb(const Verb& verb, CLI::App& app, std::string& coordinator, bool& json);

VerbRun DefineSubmit(CLI::App& app);
VerbRun DefineList(CLI::App& app);
VerbRun DefineShow(CLI::App& app);
VerbRun DefineLogs(CLI::App& app);
VerbRun DefineWhy(CLI::App& app);
VerbRun DefineWait(CLI::App& app);
VerbRun DefineCancel(CLI::App& app);
VerbRun DefineResume(CLI::App& app);
VerbRun DefineSend(CLI::App& app);
VerbRun DefineDelete(CLI::App& app);
VerbRun DefineTakeover(CLI::App& app);
VerbRun DefineReturn(CLI::App& app);
VerbRun DefineSummary(CLI::App& app);
VerbRun DefineFetch(CLI::App& app);
VerbRun DefineDiff(CLI::App& app);
VerbRun DefineEdit(CLI::App& app);
VerbRun DefineSync(CLI::App& app);
VerbRun DefineImport(CLI::App& app);
VerbRun DefineEvents(CLI::App& app);
VerbRun DefineWorkerList(CLI::App& app);
VerbRun DefineWorkerShow(CLI::App& app);
VerbRun DefineWorkerDrain(CLI::App& app);
VerbRun DefineWorkerUndrain(CLI::App& app);
VerbRun DefineWorkerRemove(CLI::App& app);
VerbRun DefineWorkerInvite(CLI::App& app);
VerbRun DefineWorkerRevoke(CLI::App& app);
VerbRun DefineLogin(CLI::App& app);
VerbRun DefineLogout(CLI::App& app);
VerbRun DefineUserAdd(CLI::App& app);
VerbRun DefineUserList(CLI::App& app);
VerbRun DefineUserRole(CLI::App& app);
VerbRun DefineUserDisable(CLI::App& app);
VerbRun DefineUserEnable(CLI::App& app);
VerbRun DefineUserRevoke(CLI::App& app);
VerbRun DefineTokenCreate(CLI::App& app);
VerbRun DefineTokenList(CLI::App& app);
VerbRun DefineTokenRevoke(CLI::App& app);
VerbRun DefineAudit(CLI::App& app);
VerbRun DefineDoctor(CLI::App& app);
VerbRun DefineDev(CLI::App& app);
VerbRun DefineMcp(CLI::App& app);
VerbRun DefineCompletion(CLI::App& app);
VerbRun DefineMan(CLI::App& app);

}  // namespace handoff
