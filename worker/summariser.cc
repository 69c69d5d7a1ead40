#include "worker/summariser.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/file.h"
#include "common/handoff/describe.h"
#include "common/handoff/document.h"
#include "handoff/v1/types.pb.h"
#include "worker/handoff_dir.h"
#include "worker/summary_run.h"

namespace handoff::worker {

Summariser::~Summariser() { Stop(); }

void Summariser::Start() {
  thread_ = std::jthread([this] { Run(); });
}

void Summariser::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    interrupt_->Raise();
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Summariser::Want(const std::vector<SummaryWish>& wishes) {
  {
    MutexLock lock(mutex_);
    wishes_ = wishes;
    later_ = false;
    answered_ = true;
    const auto listed = [&](uint64_t wish) {
      return std::any_of(wishes.begin(), wishes.end(),
                         [&](const SummaryWish& w) { return w.wish == wish; });
    };
    std::erase_if(done_, [&](uint64_t wish) { return !listed(wish); });
    if (at_ != 0 && !listed(at_)) interrupt_->Raise();
  }
  changed_.NotifyAll();
}

const SummaryWish* Summariser::Next() const {
  if (later_) return nullptr;
  for (const SummaryWish& wish : wishes_) {
    if (done_.count(wish.wish) == 0) return &wish;
  }
  return nullptr;
}

bool Summariser::Await() {
  MutexLock lock(mutex_);
  at_ = 0;
  while (!stopping_ && Next() == nullptr && (!answered_ || unshown_.empty())) changed_.Wait(mutex_);
  interrupt_ = std::make_shared<Signal>();
  return !stopping_;
}

std::optional<SummaryWish> Summariser::Take() {
  MutexLock lock(mutex_);
  const SummaryWish* const next = Next();
  if (stopping_ || next == nullptr) return std::nullopt;
  at_ = next->wish;
  return *next;
}

void Summariser::TryLater() {
  MutexLock lock(mutex_);
  later_ = true;
}

void Summariser::ShowWaiting() {
  std::shared_ptr<Signal> interrupt;
  {
    MutexLock lock(mutex_);
    answered_ = false;
    interrupt = interrupt_;
  }
  std::erase_if(unshown_, [&](const std::string& id) { return Show(id, interrupt->token()); });
}

bool Summariser::Show(const std::string& handoff_id, std::stop_token stop) {
  const std::string workspace = around_.data.repository(handoff_id);
  if (!PathExists(workspace)) return true;
  // The runner that reports the end still writes its own; a record from before that is too old.
  if (!if_idle_(handoff_id, [] {})) return false;
  const auto record = around_.client.GetHandoff(handoff_id, std::move(stop));
  if (absl::IsNotFound(record.status())) return true;
  v1::Handoff handoff;
  if (!record.ok() || !handoff.ParseFromString(*record)) return false;
  return if_idle_(handoff_id, [&] {
    HandoffDir files(workspace, handoff_id, around_.data.attempts(handoff_id));
    const absl::Status written = files.WriteDocument(Render(Describe(handoff)));
    if (!written.ok()) SPDLOG_WARN("{}: {}", handoff_id, std::string(written.message()));
  });
}

void Summariser::Run() {
  EndEarlierSummary(around_);
  while (Await()) {
    ShowWaiting();
    if (const auto wish = Take()) Make(*wish);
  }
}

void Summariser::Make(const SummaryWish& wish) {
  std::shared_ptr<Signal> interrupt;
  {
    MutexLock lock(mutex_);
    interrupt = interrupt_;
  }
  if (!made_ || made_->wish != wish.wish) {
    auto summary = MakeSummary(around_, wish, *interrupt);
    if (absl::IsCancelled(summary.status())) return;  // it is not listed any more, or all is over
    if (!summary.ok()) return TryLater();
    made_ = Made{wish.wish, {around_.pool_id(), wish.key, wish.wish, *std::move(summary)}};
  }
  const auto kept = around_.client.SaveSummary(made_->save, interrupt->token());
  if (!kept.ok()) return TryLater();
  if (*kept) {
    // A summary may be quicker than the attempt that leaves its last record there.
    if (!Show(wish.key.handoff_id, interrupt->token())) unshown_.insert(wish.key.handoff_id);
  } else {
    SPDLOG_INFO("{}: nobody waits for its summary any more", wish.key.ToString());
  }
  made_.reset();
  MutexLock lock(mutex_);
  done_.insert(wish.wish);
}

}  // namespace handoff::worker
