#include "cli/claim.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/await.h"
#include "cli/leaving.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

bool Has(const v1::Handoff& handoff, const std::string& actor) {
  return handoff.status() == v1::Handoff::INTERACTIVE && handoff.taken_by() == actor;
}

void SayWhatItWaitsFor(const v1::Handoff& handoff, Context& context) {
  if (handoff.attempts().empty()) return;
  const v1::Attempt& attempt = *handoff.attempts().rbegin();
  context.terminal.Say(absl::StrCat(
      "handoff: attempt ", attempt.number(),
      attempt.worker().empty() ? "" : absl::StrCat(" on ", OneLine(attempt.worker(), 64)),
      " saves its work and ends; then ", handoff.id(), " is yours"));
}

}  // namespace

absl::StatusOr<std::optional<v1::Handoff>> Claim(const v1::Handoff& before,
                                                 const ClaimOptions& options, Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  const std::string actor = context.User();
  v1::Handoff handoff = before;
  const std::string how_on =
      absl::StrCat(" 'handoff takeover ", before.id(), "' goes on, 'handoff return ", before.id(),
                   " --unchanged' gives it back");
  const bool same_place = handoff.taken_on().empty() == !options.on_host;
  if (handoff.taken_by() != actor || !same_place) {
    v1::TakeOverRequest request;
    request.set_id(options.id);
    request.set_stop(options.stop);
    request.set_on_host(options.on_host);
    const Leaving leaving(context, options.temp,
                          absl::StrCat("the coordinator had not answered: 'handoff show ",
                                       before.id(), "' says whether it is yours by now.", how_on));
    ASSIGN_OR_RETURN(handoff, client->TakeOver(request));
  }
  if (!Has(handoff, actor)) {
    SayWhatItWaitsFor(handoff, context);
    const auto enough = [&](const v1::Handoff& now) {
      return Has(now, actor) || now.taken_by() != actor;
    };
    const auto waited =
        Await(context, {handoff.id()}, absl::InfiniteDuration(), enough, [](const v1::Handoff&) {});
    context.terminal.EndProgress();
    if (absl::IsCancelled(waited.status())) {
      context.terminal.Say(absl::StrCat("handoff: you left; ", handoff.id(),
                                        " becomes yours all the same when its attempt has ended. "
                                        "'handoff takeover ",
                                        handoff.id(),
                                        "' goes on; once it has ended, 'handoff return ",
                                        handoff.id(), " --unchanged' gives it back"));
      return std::nullopt;
    }
    RETURN_IF_ERROR(waited.status());
  }
  // Of one that they had there may be a work tree with changes: no word of giving it back as it
  // was.
  const bool had = before.taken_by() == actor;
  const Leaving leaving(context, options.temp,
                        had ? absl::StrCat(before.id(), " is yours as before")
                            : absl::StrCat(before.id(), " is yours by now.", how_on));
  // Whole, and as it is now.
  ASSIGN_OR_RETURN(handoff, client->Get(handoff.id()));
  if (Has(handoff, actor)) return handoff;
  return absl::FailedPreconditionError(
      absl::StrCat(handoff.id(), " did not become yours: ", OneLine(handoff.reason(), 400),
                   " Nothing was changed here"));
}

}  // namespace handoff
