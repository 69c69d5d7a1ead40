#include "cli/await.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/send_object.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "cli/wait_reason.h"
#include "common/backoff.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(250), absl::Seconds(5)};
// The phase is not an event: the progress line asks for it.
constexpr absl::Duration kProgressEvery = absl::Seconds(1);
// Without a terminal only events matter; this is for an event that never comes.
constexpr absl::Duration kLookEvery = absl::Seconds(15);

// The handoffs that are waited for.
class Waiting {
 public:
  Waiting(Context& context, Client& client, std::vector<v1::Handoff> handoffs,
          const std::function<bool(const v1::Handoff&)>& enough,
          const std::function<void(const v1::Handoff&)>& done)
      : context_(context),
        client_(client),
        handoffs_(std::move(handoffs)),
        enough_(enough),
        done_(done),
        settled_(handoffs_.size(), false),
        pending_(handoffs_.size()) {
    for (size_t i = 0; i < handoffs_.size(); ++i) {
      Settle(i);
      AddReason(i, nullptr);
    }
  }

  bool over() const { return pending_ == 0; }
  std::vector<v1::Handoff> Take() { return std::move(handoffs_); }

  // Looks again at those of `ids`; at the first that is waited for when there are none. CANCELLED
  // when `call` is.
  absl::Status Refresh(const std::set<std::string>& ids, StreamCall* call) {
    bool looked = false;
    for (size_t i = 0; i < handoffs_.size(); ++i) {
      if (settled_[i] || (ids.empty() ? looked : ids.count(handoffs_[i].id()) == 0)) continue;
      looked = true;
      auto now = client_.Get(handoffs_[i].id(), call);
      // Busy is not gone: the handoff is fine.
      if (absl::IsUnavailable(now.status()) || absl::IsResourceExhausted(now.status())) {
        if (++failures_ == 2) {
          context_.terminal.Say(
              "handoff: the coordinator does not answer; trying again (Ctrl-C to leave)");
        }
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(now.status());
      if (failures_ > 1) context_.terminal.Say("handoff: the coordinator is back");
      failures_ = 0;
      handoffs_[i] = *std::move(now);
      Settle(i);
      AddReason(i, call);
    }
    return absl::OkStatus();
  }

  void ShowProgress() const {
    const auto first = std::find(settled_.begin(), settled_.end(), false);
    if (first == settled_.end()) return;
    const v1::Handoff& handoff = handoffs_[static_cast<size_t>(first - settled_.begin())];
    context_.terminal.Progress(absl::StrCat(pending_ > 1 ? absl::StrCat(pending_, " to go; ") : "",
                                            RenderProgress(handoff)));
  }

 private:
  void Settle(size_t i) {
    if (settled_[i] || !enough_(handoffs_[i])) return;
    settled_[i] = true;
    --pending_;
    done_(handoffs_[i]);
  }

  // Where every change is a line of its own, the first answer has to do.
  void AddReason(size_t i, StreamCall* call) {
    v1::Handoff& handoff = handoffs_[i];
    if (settled_[i] || handoff.status() != v1::Handoff::QUEUED) return;
    std::string& known = reasons_[absl::StrCat(handoff.id(), " ", handoff.reason())];
    if (known.empty() || context_.terminal.err_is_terminal()) {
      ExplainWait(client_, &handoff, call);
      known = handoff.reason();
    }
    handoff.set_reason(known);
  }

  Context& context_;
  Client& client_;
  std::map<std::string, std::string> reasons_;  // of id and stored reason
  std::vector<v1::Handoff> handoffs_;
  const std::function<bool(const v1::Handoff&)>& enough_;
  const std::function<void(const v1::Handoff&)>& done_;
  std::vector<bool> settled_;
  size_t pending_;
  int failures_ = 0;
};

}  // namespace

void ChangeFeed::Follow(std::string id, uint64_t revision) {
  id_ = std::move(id);
  revision_ = revision;
}

ChangeFeed::~ChangeFeed() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void ChangeFeed::Stop() {
  call_.Cancel();
  looking_.Cancel();
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

std::set<std::string> ChangeFeed::Wait(absl::Duration most) {
  // Not before: whoever made it can hear of an interrupt by now, and says what it leaves.
  if (!thread_.joinable()) thread_ = std::thread([this] { Read(); });
  const MutexLock lock(mutex_);
  if (ids_.empty() && !stopped_) changed_.WaitFor(mutex_, most);
  std::set<std::string> ids;
  ids.swap(ids_);
  return ids;
}

void ChangeFeed::Read() {
  v1::WatchRequest request;
  request.set_id(id_);
  int failures = 0;
  while (!call_.cancelled()) {
    request.set_from_revision(revision_);
    client_
        .Watch(request, call_,
               [&](const v1::Event& event) {
                 failures = 0;
                 revision_ = event.revision();
                 const MutexLock lock(mutex_);
                 ids_.insert(event.handoff_id());
                 changed_.NotifyAll();
                 return true;
               })
        .IgnoreError();  // whoever waits looks for itself and says what is wrong
    call_.Pause(kBackoff.Delay(++failures, 0.5));
  }
}

namespace {

// As they are now; `feed` says what comes after that.
absl::StatusOr<std::vector<v1::Handoff>> Look(Client& client, const std::vector<std::string>& ids,
                                              ChangeFeed& feed) {
  // The revision first: what happens after it is an event, what happened before is in the record.
  ASSIGN_OR_RETURN(const v1::PoolInfo pool, client.GetPool(feed.looking()));
  std::vector<v1::Handoff> handoffs;
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(handoffs.emplace_back(), client.Get(id, feed.looking()));
  }
  feed.Follow(handoffs.size() == 1 ? handoffs[0].id() : "", pool.revision());
  return handoffs;
}

absl::Status YouLeft() {
  return absl::CancelledError("you left; the handoff goes on. 'handoff wait' waits again");
}

}  // namespace

absl::StatusOr<std::vector<v1::Handoff>> Await(
    Context& context, const std::vector<std::string>& ids, absl::Duration timeout,
    const std::function<bool(const v1::Handoff&)>& enough,
    const std::function<void(const v1::Handoff&)>& done) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ChangeFeed feed(*client);
  const Interrupt::Listener listener(context.interrupt, [&feed] { feed.Stop(); });
  const absl::Time deadline = absl::Now() + timeout;
  std::vector<v1::Handoff> handoffs;
  // Once it waits, that outlives a restart by itself; one may come right before it begins to.
  const absl::Status looked = RetryWhileAway(
      context.terminal,
      [&] {
        auto seen = Look(*client, ids, feed);
        if (seen.ok()) handoffs = *std::move(seen);
        return seen.status();
      },
      [&](absl::Duration delay) {
        return absl::Now() + delay < deadline && feed.looking()->Pause(delay);
      });
  if (feed.stopped()) return YouLeft();
  RETURN_IF_ERROR(looked);
  Waiting waiting(context, *client, std::move(handoffs), enough, done);
  const absl::Duration tick = context.terminal.err_is_terminal() ? kProgressEvery : kLookEvery;
  while (!waiting.over()) {
    waiting.ShowProgress();
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("not over after ", HumanDuration(timeout),
                       "; it goes on. 'handoff wait' waits again, 'handoff cancel' ends it"));
    }
    const std::set<std::string> changed = feed.Wait(std::min(left, tick));
    const absl::Status refreshed = waiting.Refresh(changed, feed.looking());
    if (feed.stopped()) return YouLeft();
    RETURN_IF_ERROR(refreshed);
  }
  return waiting.Take();
}

}  // namespace handoff
