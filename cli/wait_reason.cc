#include "cli/wait_reason.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

void ExplainWait(Client& client, v1::Handoff* handoff, StreamCall* call) {
  if (handoff->status() != v1::Handoff::QUEUED) return;
  const auto why = client.Why(handoff->id(), call);
  if (!why.ok() || why->summary().empty()) return;
  const std::string& known = handoff->reason();
  const bool says_nothing = absl::EndsWith(known, "aits for a worker.");
  const bool has_it = says_nothing || absl::StrContains(why->summary(), known);
  std::string summary = why->summary();
  // Not where the id may be a word or a number of the sentence.
  if (handoff->id().size() >= 10 && absl::StrContains(handoff->id(), '-')) {
    summary = absl::StrReplaceAll(summary, {{handoff->id(), "it"}});
  }
  summary[0] = absl::ascii_toupper(static_cast<unsigned char>(summary[0]));
  handoff->set_reason(has_it ? summary : absl::StrCat(known, " ", summary));
}

void SayWhyItWaits(const std::string& id, Context& context) {
  const auto client = context.Connect();
  if (!client.ok()) return;
  // What was answered is older than the placement that followed it.
  auto handoff = (*client)->Get(id);
  if (!handoff.ok() || handoff->status() != v1::Handoff::QUEUED) return;
  ExplainWait(**client, &*handoff);
  context.terminal.Say(OneLine(handoff->reason(), 400));
}

}  // namespace handoff
