// handoff list

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/await.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/render.h"
#include "cli/settings.h"
#include "cli/verb.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr int kMostPage = 500;

struct ListFlags {
  bool all = false, watch = false;
  std::string owner, repo, worker;
  std::vector<std::string> statuses, labels;
  int limit = 50;
};

absl::StatusOr<v1::ListRequest> RequestFor(const ListFlags& flags, const Context& context) {
  v1::ListRequest request;
  if (flags.limit < 0) {
    return absl::InvalidArgumentError("--limit must be 0 (no limit) or more");
  }
  request.set_owner(flags.owner.empty() && !flags.all ? OwnerFrom(context.environment)
                                                      : flags.owner);
  request.set_all(flags.all);
  for (const std::string& word : flags.statuses) {
    v1::Handoff::Status status;
    if (!v1::Handoff::Status_Parse(absl::AsciiStrToUpper(word), &status) ||
        status == v1::Handoff::STATUS_UNSPECIFIED) {
      return absl::InvalidArgumentError(
          absl::StrCat("--status '", OneLine(word, 40),
                       "' is none of queued, running, stalled, waiting, interactive, succeeded, "
                       "failed, cancelled"));
    }
    request.add_statuses(status);
  }
  request.set_repo(flags.repo);
  if (!flags.worker.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.worker));
  request.set_worker(flags.worker);
  ASSIGN_OR_RETURN(const auto labels, ParseLabels("--label", flags.labels));
  request.mutable_labels()->insert(labels.begin(), labels.end());
  return request;
}

struct Page {
  std::vector<v1::Handoff> handoffs;
  bool more = false;
};

absl::StatusOr<Page> Fetch(Client& client, v1::ListRequest request, int limit) {
  Page page;
  do {
    const int left = limit == 0 ? kMostPage : limit - static_cast<int>(page.handoffs.size());
    request.set_page_size(std::min(left, kMostPage));
    ASSIGN_OR_RETURN(const v1::ListResponse answer, client.List(request));
    for (const v1::Handoff& handoff : answer.handoffs()) page.handoffs.push_back(handoff);
    request.set_page_token(answer.next_page_token());
  } while (!request.page_token().empty() &&
           (limit == 0 || static_cast<int>(page.handoffs.size()) < limit));
  page.more = !request.page_token().empty();
  return page;
}

// False when the reader went away.
bool Print(const ListFlags& flags, const Page& page, Context& context) {
  if (context.json) {
    for (const v1::Handoff& handoff : page.handoffs) {
      if (!context.terminal.Out(ToJsonLine(handoff))) return false;
    }
  } else if (!page.handoffs.empty()) {
    const bool owners = flags.all && flags.owner.empty();
    const std::string table = RenderList(page.handoffs, owners, context.terminal.OutView());
    if (!context.terminal.Out(table)) return false;
  } else {
    context.terminal.Say(flags.all
                             ? "There is no such handoff."
                             : "Nothing of yours is live or ended within the last day; 'handoff "
                               "list --all' shows everything.");
  }
  if (page.more) {
    context.terminal.Say(absl::StrCat("There are more than ", page.handoffs.size(),
                                      "; --limit N shows N, --limit 0 all."));
  }
  return true;
}

// The table again after each change in the pool, from the top of the screen.
VerbResult WatchList(const ListFlags& flags, const v1::ListRequest& request, Client& client,
                     Context& context) {
  ASSIGN_OR_RETURN(const v1::PoolInfo pool, client.GetPool());
  ChangeFeed feed(client, "", pool.revision());
  const Interrupt::Listener listener(context.interrupt, [&feed] { feed.Stop(); });
  while (!feed.stopped()) {
    ASSIGN_OR_RETURN(const Page page, Fetch(client, request, flags.limit));
    if (context.terminal.out_is_terminal()) context.terminal.Out("\x1b[H\x1b[2J");
    if (!Print(flags, page, context)) break;
    // Events come in bursts: what happens within a moment is one change of the picture.
    feed.Wait(absl::Seconds(2));
    feed.Wait(absl::Milliseconds(300));
  }
  return Exit::kDone;
}

VerbResult List(const ListFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const v1::ListRequest request, RequestFor(flags, context));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  if (flags.watch) return WatchList(flags, request, *client, context);
  ASSIGN_OR_RETURN(const Page page, Fetch(*client, request, flags.limit));
  Print(flags, page, context);
  return Exit::kDone;
}

}  // namespace

VerbRun DefineList(CLI::App& app) {
  const auto flags = std::make_shared<ListFlags>();
  app.add_flag("--all", flags->all, "Everybody's, however long ago they ended");
  app.add_option("--owner", flags->owner, "Of this person")->type_name("USER");
  app.add_option("--status", flags->statuses, "With this status; may be repeated")
      ->type_name("STATUS")
      ->allow_extra_args(false);
  app.add_option("--repo", flags->repo, "Whose repository's address contains this")
      ->type_name("TEXT");
  app.add_option("--worker", flags->worker, "Of which an attempt ran there")->type_name("NAME");
  app.add_option("--label", flags->labels, "With this label; may be repeated")
      ->type_name("K=V")
      ->allow_extra_args(false);
  app.add_option("--limit", flags->limit, "At most so many; 0: all")
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--watch", flags->watch, "Show it again whenever something changes, until Ctrl-C");
  return [flags](Context& context) { return List(*flags, context); };
}

}  // namespace handoff
