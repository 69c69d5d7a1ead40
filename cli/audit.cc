// handoff audit

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "cli/text/json.h"
#include "cli/text/render_identity.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr int kMostPage = 1000;

struct AuditFlags {
  bool verify = false;
  int64_t limit = 50;
};

// Those with a higher seq than `after`, at most `most`.
absl::StatusOr<v1::ListAuditResponse> Page(uint64_t after, int most, bool verify, Client& client) {
  v1::ListAuditRequest request;
  request.set_after(after);
  request.set_page_size(most);
  request.set_verify(verify);
  return client.ListAudit(request);
}

absl::StatusOr<uint64_t> LastSeq(Client& client) {
  // What is stored is a signed number.
  ASSIGN_OR_RETURN(const v1::ListAuditResponse none,
                   Page(std::numeric_limits<int64_t>::max(), 1, false, client));
  return none.last();
}

VerbResult Verify(Client& client, Context& context) {
  ASSIGN_OR_RETURN(const uint64_t last, LastSeq(client));
  ASSIGN_OR_RETURN(const v1::ListAuditResponse answer,
                   Page(last == 0 ? 0 : last - 1, 1, true, client));
  if (context.json) context.terminal.Out(ToJsonLine(answer));
  if (!answer.broken().empty()) {
    return absl::DataLossError(absl::StrCat("the audit log was changed: ", answer.broken()));
  }
  if (context.json) return Exit::kDone;
  if (answer.entries().empty()) {
    context.terminal.Say("The audit log is empty.");
  } else {
    const v1::AuditEntry& newest = answer.entries(0);
    context.terminal.Say(absl::StrCat("The audit log is whole: ", newest.seq(),
                                      newest.seq() == 1 ? " entry" : " entries",
                                      ". Kept elsewhere, this hash of entry ", newest.seq(),
                                      " shows later that nothing before it was rewritten:"));
    context.terminal.Out(absl::StrCat(OneLine(newest.hash(), 64), "\n"));
  }
  return Exit::kDone;
}

VerbResult Audit(const AuditFlags& flags, Context& context) {
  if (flags.limit < 0) return absl::InvalidArgumentError("--limit must be 0 (no limit) or more");
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  if (flags.verify) return Verify(*client, context);
  ASSIGN_OR_RETURN(const uint64_t last, LastSeq(*client));
  const auto limit = static_cast<uint64_t>(flags.limit);
  uint64_t after = limit == 0 || limit >= last ? 0 : last - limit;
  std::vector<v1::AuditEntry> entries;
  while (after < last) {
    ASSIGN_OR_RETURN(const v1::ListAuditResponse page, Page(after, kMostPage, false, *client));
    if (page.entries().empty()) break;
    for (const v1::AuditEntry& entry : page.entries()) {
      if (context.json) {
        if (!context.terminal.Out(ToJsonLine(entry))) return Exit::kDone;
      } else {
        entries.push_back(entry);
      }
      after = entry.seq();
    }
  }
  if (!context.json) {
    context.terminal.Out(entries.empty() ? "" : RenderAudit(entries, context.terminal.OutView()));
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineAudit(CLI::App& app) {
  const auto flags = std::make_shared<AuditFlags>();
  app.add_flag("--verify", flags->verify,
               "Hold the whole log against its chain of hashes, and say what was changed");
  app.add_option("--limit", flags->limit, "The last N; 0: all")
      ->type_name("N")
      ->capture_default_str();
  return [flags](Context& context) { return Audit(*flags, context); };
}

}  // namespace handoff
