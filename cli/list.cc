// handoff list

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/await.h"
#include "cli/text/json.h"
#include "cli/text/options.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "common/backoff.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr int kMostPage = 500;
constexpr Backoff kBackoff{absl::Milliseconds(250), absl::Seconds(5)};

struct ListFlags {
  bool all = false, watch = false, deleted = false;
  std::string owner, repo, worker;
  std::vector<std::string> statuses, labels;
  int limit = 50;
};

absl::StatusOr<v1::ListRequest> RequestFor(const ListFlags& flags) {
  v1::ListRequest request;
  if (flags.limit < 0) {
    return absl::InvalidArgumentError("--limit must be 0 (no limit) or more");
  }
  request.set_owner(flags.owner);
  request.set_all(flags.all);
  request.set_deleted(flags.deleted);
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

absl::StatusOr<Page> Fetch(Client& client, v1::ListRequest request, int limit,
                           StreamCall* call = nullptr) {
  Page page;
  do {
    const int left = limit == 0 ? kMostPage : limit - static_cast<int>(page.handoffs.size());
    request.set_page_size(std::min(left, kMostPage));
    ASSIGN_OR_RETURN(const v1::ListResponse answer, client.List(request, call));
    for (const v1::Handoff& handoff : answer.handoffs()) page.handoffs.push_back(handoff);
    request.set_page_token(answer.next_page_token());
  } while (!request.page_token().empty() &&
           (limit == 0 || static_cast<int>(page.handoffs.size()) < limit));
  page.more = !request.page_token().empty();
  return page;
}

std::string RenderPage(const ListFlags& flags, const Page& page, const View& view) {
  const bool owners = flags.all && flags.owner.empty();
  return page.handoffs.empty() ? "" : RenderList(page.handoffs, owners, view);
}

// What a table does not say: that there is nothing, or more.
void SayAbout(const ListFlags& flags, const Page& page, Context& context) {
  const bool filtered = !flags.owner.empty() || !flags.repo.empty() || !flags.worker.empty() ||
                        !flags.statuses.empty() || !flags.labels.empty();
  if (page.handoffs.empty() && !context.json) {
    context.terminal.Say(flags.all  ? "There is no such handoff."
                         : filtered ? "Nothing matches; --all looks further back."
                                    : "Nothing of yours is live or ended within the last day; "
                                      "'handoff list --all' shows everything.");
  }
  if (page.more) {
    context.terminal.Say(absl::StrCat("There are more than ", page.handoffs.size(),
                                      "; --limit N shows N, --limit 0 all."));
  }
}

void Print(const ListFlags& flags, const Page& page, Context& context) {
  if (context.json) {
    for (const v1::Handoff& handoff : page.handoffs) context.terminal.Out(ToJsonLine(handoff));
  } else {
    context.terminal.Out(RenderPage(flags, page, context.terminal.OutView()));
  }
  SayAbout(flags, page, context);
}

// The first of a table's lines that fit into `rows` with the cursor below; 0: all.
std::string CutToRows(const std::string& table, int rows) {
  std::vector<absl::string_view> lines = absl::StrSplit(absl::StripSuffix(table, "\n"), '\n');
  const size_t room = static_cast<size_t>(std::max(rows - 1, 3));
  if (rows == 0 || lines.size() <= room) return table;
  const size_t hidden = lines.size() - (room - 1);
  lines.resize(room - 1);
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n… ", hidden, " more\n");
}

// What a watcher saw last: it is shown what differs from that, and nothing twice.
class Watcher {
 public:
  Watcher(const ListFlags& flags, Context& context)
      : flags_(flags), context_(context), began_(context.terminal.OutView().now) {}

  // False when the reader went away.
  bool Show(const Page& page) { return context_.json ? ShowChanged(page) : ShowTable(page); }

 private:
  bool ShowChanged(const Page& page) {
    for (const v1::Handoff& handoff : page.handoffs) {
      absl::StatusOr<std::string> line = ToJsonLine(handoff);
      if (line.ok() && *line == lines_[handoff.id()]) continue;
      if (!context_.terminal.Out(line)) return false;
      lines_[handoff.id()] = *std::move(line);
    }
    return true;
  }

  bool ShowTable(const Page& page) {
    Terminal& terminal = context_.terminal;
    View view = terminal.OutView();
    const bool screen = terminal.out_is_terminal();
    const int rows = terminal.OutRows();
    // In place the ages go on; below each other they alone are no reason for another table.
    if (!screen) view.now = began_;
    std::string table = RenderPage(flags_, page, view);
    if (screen) table = CutToRows(table, rows == 0 || !page.more ? rows : std::max(rows - 1, 1));
    if (table == shown_) return true;
    shown_ = table;
    const bool written = terminal.Out(screen ? absl::StrCat("\x1b[H\x1b[2J", table)
                                             : RenderPage(flags_, page, terminal.OutView()));
    SayAbout(flags_, page, context_);
    return written;
  }

  const ListFlags& flags_;
  Context& context_;
  const absl::Time began_;
  std::map<std::string, std::string> lines_;
  std::optional<std::string> shown_;
};

// Again after each change in the pool, until Ctrl-C or the reader went away.
VerbResult WatchList(const ListFlags& flags, const v1::ListRequest& request, Client& client,
                     Context& context) {
  ASSIGN_OR_RETURN(const v1::PoolInfo pool, client.GetPool());
  ChangeFeed feed(client);
  feed.Follow("", pool.revision());
  const Interrupt::Listener listener(context.interrupt, [&feed] { feed.Stop(); });
  Watcher watcher(flags, context);
  int failures = 0;
  while (!feed.stopped()) {
    const absl::StatusOr<Page> page = Fetch(client, request, flags.limit, feed.looking());
    if (feed.stopped()) break;
    if (absl::IsUnavailable(page.status()) || absl::IsResourceExhausted(page.status())) {
      if (++failures == 2) {
        context.terminal.Say(
            "handoff: the coordinator does not answer; trying again (Ctrl-C to leave)");
      }
      feed.Wait(kBackoff.Delay(failures, 0.5));
      continue;
    }
    RETURN_IF_ERROR(page.status());
    if (failures > 1) context.terminal.Say("handoff: the coordinator is back");
    failures = 0;
    if (!watcher.Show(*page)) return Exit::kDone;
    // Events come in bursts: what happens within a moment is one change of the picture.
    feed.Wait(absl::Seconds(2));
    feed.Wait(absl::Milliseconds(300));
  }
  return Exit::kInterrupted;
}

VerbResult List(const ListFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(v1::ListRequest request, RequestFor(flags));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  // Of a token one sees no others anyway.
  if (flags.owner.empty() && !flags.all) request.set_owner(context.User());
  if (flags.watch) return WatchList(flags, request, *client, context);
  ASSIGN_OR_RETURN(const Page page, Fetch(*client, request, flags.limit));
  Print(flags, page, context);
  return Exit::kDone;
}

}  // namespace

VerbRun DefineList(CLI::App& app) {
  const auto flags = std::make_shared<ListFlags>();
  app.add_flag("--all", flags->all, "Everybody's, however long ago they ended");
  app.add_flag("--deleted", flags->deleted, "Those that were deleted, too");
  app.add_option("--owner", flags->owner, "Of this person")->type_name("USER");
  app.add_option("--status", flags->statuses, "With this status; may be repeated")
      ->type_name("STATUS")
      ->allow_extra_args(false);
  app.add_option("--repo", flags->repo, "Whose repository's address contains this")
      ->type_name("TEXT");
  app.add_option("--worker", flags->worker, "Of which an attempt ran there")->type_name("WORKER");
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
