// handoff worker invite

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/give_lines.h"
#include "cli/text/options.h"
#include "cli/verb.h"
#include "common/status.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr int kMostLines = 1000;

struct InviteFlags {
  std::vector<std::string> labels, repos;
  bool shared = false;
  int count = 1;
  std::string ttl, owner;
};

VerbResult Invite(const InviteFlags& flags, Context& context) {
  if (flags.count < 1 || flags.count > kMostLines) {
    return absl::InvalidArgumentError("--count must be between 1 and 1000");
  }
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::WORKER);
  request.set_count(flags.count);
  request.set_owner(flags.owner);
  request.set_shared(flags.shared);
  request.mutable_repos()->Assign(flags.repos.begin(), flags.repos.end());
  ASSIGN_OR_RETURN(const auto labels, ParseLabels("--label", flags.labels));
  request.mutable_labels()->insert(labels.begin(), labels.end());
  RETURN_IF_ERROR(SetTtl(flags.ttl, request));
  return GiveLines(
      request,
      {absl::StrCat(
           "On ", flags.count == 1 ? "the build host" : "each build host",
           ": handoff-worker join --data-dir ~/handoff-worker, then paste ",
           flags.count == 1 ? "this line" : "one of these lines, which no other host gets"),
       absl::StrCat("Then, there: handoff-worker --data-dir ~/handoff-worker\n",
                    flags.shared ? "It takes everybody's handoffs."
                                 : "It takes the handoffs of its owner alone; --shared would have "
                                   "it take everybody's.")},
      context);
}

}  // namespace

VerbRun DefineWorkerInvite(CLI::App& app) {
  const auto flags = std::make_shared<InviteFlags>();
  app.add_option("--label", flags->labels, "The worker has this label; may be repeated")
      ->type_name("K=V")
      ->allow_extra_args(false);
  app.add_flag("--shared", flags->shared, "It takes everybody's handoffs, not its owner's alone");
  app.add_option("--repo", flags->repos,
                 "It takes only repositories that this pattern fits; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_option("--owner", flags->owner, "By admins: whose worker it is; yours unless given")
      ->type_name("USER");
  app.add_option("--count", flags->count, "So many lines, one a host")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--ttl", flags->ttl, "How long it can be pasted; 15m unless given")
      ->type_name("TIME");
  return [flags](Context& context) { return Invite(*flags, context); };
}

}  // namespace handoff
