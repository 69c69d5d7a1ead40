// handoff sync

#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/await.h"
#include "cli/document_folder.h"
#include "cli/local_document.h"
#include "cli/local_logs.h"
#include "cli/send_document.h"
#include "cli/settings.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// A log that grows and a file that the person saves are no events.
constexpr absl::Duration kLookEvery = absl::Seconds(5);

struct SyncFlags {
  std::string id = "-";
  std::string dir;
  bool watch = false;
};

bool HasEnded(const v1::Handoff& handoff) {
  return handoff.status() == v1::Handoff::SUCCEEDED || handoff.status() == v1::Handoff::FAILED ||
         handoff.status() == v1::Handoff::CANCELLED;
}

absl::StatusOr<std::string> RootFor(const SyncFlags& flags) {
  if (!flags.dir.empty()) return flags.dir;
  std::string root = RepositoryRoot(".");
  if (!root.empty()) return root;
  return absl::NotFoundError(
      "you are not in a repository, and it is kept in one. Nothing was done: say where else with "
      "--dir D");
}

class Syncing {
 public:
  Syncing(const DocumentFolder& folder, Client& client, StreamCall& call, Context& context)
      : local_(folder.document()), client_(client), call_(call), context_(context) {}

  // Both ways, once. The logs first: what the document names is there.
  absl::Status Once(const v1::Handoff& handoff) {
    news_.clear();
    for (const v1::Attempt& attempt : handoff.attempts()) {
      RETURN_IF_ERROR(Bring({handoff.id(), attempt.number(), false}, attempt.log_bytes()));
      RETURN_IF_ERROR(
          Bring({handoff.id(), attempt.number(), true}, attempt.end().checks_log_bytes()));
    }
    const absl::Status document = SyncDocument(handoff.id());
    if (!news_.empty() || !told_) {
      context_.terminal.Say(absl::StrCat(
          handoff.id(), ": ", news_.empty() ? "nothing is new" : absl::StrJoin(news_, ", ")));
    }
    told_ = true;
    return document;
  }

 private:
  absl::Status Bring(const LogName& name, uint64_t held) {
    if (held == 0 || other_logs_.count(name.File()) > 0) return absl::OkStatus();
    const auto brought = BringLog(name, held, local_, client_, call_, context_.terminal);
    if (absl::IsFailedPrecondition(brought.status())) {
      context_.terminal.Say(absl::StrCat("handoff: ", brought.status().message()));
      other_logs_.insert(name.File());
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(brought.status());
    if (*brought > 0) news_.push_back(absl::StrCat(name.File(), " +", HumanBytes(*brought)));
    return absl::OkStatus();
  }

  absl::Status SyncDocument(const std::string& id) {
    ASSIGN_OR_RETURN(v1::Document document, client_.GetDocument(id, &call_));
    const DocumentBase newest{std::move(*document.mutable_markdown()), document.edit_version()};
    ASSIGN_OR_RETURN(const std::optional<std::string> mine, local_.Read());
    ASSIGN_OR_RETURN(const std::optional<DocumentBase> base, local_.ReadBase());
    const bool untouched = mine == newest.markdown || (base.has_value() && mine == base->markdown);
    if (!mine.has_value() || untouched) return Put(newest, mine, base);
    if (!base.has_value()) return Unknown(newest);
    if (local_.HasTheirs()) {
      return absl::AbortedError(
          absl::StrCat(local_.theirs(),
                       " waits for you: bring what you want of it into handoff.md, remove it, "
                       "and sync again. Nothing was sent"));
    }
    const auto sent = SendDocument(id, *base, *mine, context_);
    if (absl::IsAborted(sent.status())) {
      const absl::Status kept = KeepConflict(id, *base, local_, sent.status(), context_);
      return absl::Status(kept.code(), absl::StrCat(kept.message(), ", remove it, and sync again"));
    }
    RETURN_IF_ERROR(sent.status());
    for (const std::string& line : RenderEdited(id, *base, *sent)) context_.terminal.Say(line);
    const DocumentBase& now = sent->changed.empty() ? newest : sent->newest;
    ASSIGN_OR_RETURN(const std::optional<std::string> still, local_.Read());
    if (still == mine) return Put(now, mine, base);
    // They saved again meanwhile: what they have is based on the same as before, and goes with the
    // next look.
    return local_.WriteBase({base->markdown, now.version});
  }

  absl::Status Put(const DocumentBase& newest, const std::optional<std::string>& mine,
                   const std::optional<DocumentBase>& base) {
    RETURN_IF_ERROR(local_.RemoveTheirs());
    if (mine != newest.markdown) {
      RETURN_IF_ERROR(local_.Write(newest.markdown));
      news_.push_back("handoff.md");
    }
    return base == newest ? absl::OkStatus() : local_.WriteBase(newest);
  }

  // A file that is there and was not written by us. From now on it is based on the newest.
  absl::Status Unknown(const DocumentBase& newest) {
    RETURN_IF_ERROR(local_.WriteTheirs(newest.markdown));
    RETURN_IF_ERROR(local_.WriteBase(newest));
    return absl::AbortedError(absl::StrCat(
        local_.path(),
        " was not written by 'handoff sync', so nothing of it was sent and it was left as it is. "
        "The coordinator's lies in ",
        local_.theirs(), ": bring your words into that, move it over yours, and sync again"));
  }

  const LocalDocument& local_;
  Client& client_;
  StreamCall& call_;
  Context& context_;
  std::set<std::string> other_logs_;
  std::vector<std::string> news_;
  bool told_ = false;
};

bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

// Until it has ended or the person leaves.
VerbResult Watch(const std::string& id, Syncing& syncing, Client& client, StreamCall& call,
                 ChangeFeed& feed, Context& context) {
  bool away = false;
  while (true) {
    const auto handoff = client.Get(id, &call);
    absl::Status status = handoff.status();
    if (status.ok()) status = syncing.Once(*handoff);
    if (call.cancelled()) return Exit::kInterrupted;
    if (!status.ok() && !IsPassing(status)) return status;
    if (!status.ok() && !away) {
      context.terminal.Say(
          "handoff: the coordinator does not answer; trying again (Ctrl-C to leave)");
    }
    if (status.ok() && away) context.terminal.Say("handoff: the coordinator is back");
    away = !status.ok();
    if (status.ok() && HasEnded(*handoff)) return Exit::kDone;
    feed.Wait(kLookEvery);
    if (call.cancelled()) return Exit::kInterrupted;
  }
}

VerbResult Sync(const SyncFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const std::string root, RootFor(flags));
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  // The revision first: what happens after it is an event.
  ASSIGN_OR_RETURN(const v1::PoolInfo pool, client->GetPool());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
  ASSIGN_OR_RETURN(const DocumentFolder folder, DocumentFolder::Open(root, handoff.id()));
  context.terminal.Out(absl::StrCat(folder.document().directory(), "\n"));
  StreamCall call;
  Syncing syncing(folder, *client, call, context);
  if (flags.watch) {
    ChangeFeed feed(*client);
    feed.Follow(handoff.id(), pool.revision());
    const Interrupt::Listener listener(context.interrupt, [&] {
      call.Cancel();
      feed.Stop();
    });
    return Watch(handoff.id(), syncing, *client, call, feed, context);
  }
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  const absl::Status once = syncing.Once(handoff);
  if (call.cancelled()) return Exit::kInterrupted;
  RETURN_IF_ERROR(once);
  return Exit::kDone;
}

}  // namespace

VerbRun DefineSync(CLI::App& app) {
  const auto flags = std::make_shared<SyncFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  app.add_option("--dir", flags->dir, "Below this directory instead of the repository around you")
      ->type_name("DIR");
  app.add_flag("--watch", flags->watch, "Again whenever something changed, until it has ended");
  return [flags](Context& context) { return Sync(*flags, context); };
}

}  // namespace handoff
