#include "coordinator/engine.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

#include "common/mutex.h"
#include "coordinator/engine_command.h"
#include "coordinator/engine_turn.h"
#include "coordinator/engine_views.h"

namespace handoff {
namespace {

// The clock may be set while the thread waits: it looks at it this often at least.
constexpr absl::Duration kLongestWait = absl::Seconds(10);

}  // namespace

struct Engine::Impl {
  Impl(EngineOptions o, Store& store, const Clock& c)
      : options(std::move(o)), clock(c), turn(options, store, clock, views, identities) {}

  // CancelSync is never refused: there is at most one for each Sync that was taken.
  void Post(std::unique_ptr<EngineCommand> command, bool always = false) {
    const absl::Status refused = Enqueue(command, always);
    if (!refused.ok()) command->Refuse(refused);
  }

  // Takes the command unless it says why not.
  absl::Status Enqueue(std::unique_ptr<EngineCommand>& command, bool always) {
    MutexLock lock(mutex);
    if (stopped) return absl::UnavailableError("the coordinator is stopping; nothing was done");
    const size_t bytes = command->bytes();
    const bool full = queue.size() >= options.max_queue ||
                      (!queue.empty() && queued_bytes + bytes > options.max_queue_bytes);
    if (full && !always) {
      return absl::ResourceExhaustedError(
          "the coordinator has more to do than it can queue; nothing was done; try again later");
    }
    queued_bytes += bytes;
    queue.push_back(std::move(command));
    if (queue.size() == 1) wake.NotifyOne();
    return absl::OkStatus();
  }

  EngineTurn::Batch NextBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    EngineTurn::Batch batch;
    while (!queue.empty() && batch.size() < options.max_batch) {
      queued_bytes -= queue.front()->bytes();
      batch.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return batch;
  }

  void Run() {
    absl::Duration wait = absl::ZeroDuration();
    while (true) {
      EngineTurn::Batch batch;
      {
        MutexLock lock(mutex);
        if (queue.empty() && !stopped && wait > absl::ZeroDuration()) {
          wake.WaitFor(mutex, std::min(wait, kLongestWait));
        }
        if (stopped) return;
        batch = NextBatch();
      }
      wait = turn.Take(std::move(batch));
    }
  }

  const EngineOptions options;
  const Clock& clock;
  EngineViews views;
  IdentityView identities;
  EngineTurn turn;  // of the engine's thread
  std::thread thread;

  Mutex mutex;
  CondVar wake;
  std::deque<std::unique_ptr<EngineCommand>> queue ABSL_GUARDED_BY(mutex);
  size_t queued_bytes ABSL_GUARDED_BY(mutex) = 0;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
};

Engine::Engine(EngineOptions options, Store& store, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), store, clock)) {}

Engine::~Engine() { Stop(); }

absl::Status Engine::Start() {
  const absl::Status started = impl_->turn.Start();
  if (started.ok() && impl_->options.own_thread) {
    impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
  }
  return started;
}

void Engine::Stop() {
  std::deque<std::unique_ptr<EngineCommand>> unanswered;
  {
    MutexLock lock(impl_->mutex);
    impl_->stopped = true;
    unanswered.swap(impl_->queue);
    impl_->wake.NotifyAll();
  }
  if (impl_->thread.joinable()) impl_->thread.join();
  const absl::Status stopping = absl::UnavailableError("the coordinator is stopping");
  for (auto& command : unanswered) command->Refuse(stopping);
  impl_->turn.Stop(stopping);
}

absl::Duration Engine::Step() {
  EngineTurn::Batch batch;
  {
    MutexLock lock(impl_->mutex);
    batch = impl_->NextBatch();
  }
  return impl_->turn.Take(std::move(batch));
}

void Engine::Post(core::Submit c, Done<core::Submit::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Submit>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Cancel c, Done<core::Cancel::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Cancel>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Resume c, Done<core::Resume::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Resume>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Send c, Done<core::Send::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Send>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Delete c, Done<core::Delete::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Delete>>(std::move(c), std::move(done)));
}
void Engine::Post(core::EditSections c, Done<core::EditSections::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::EditSections>>(std::move(c), std::move(done)));
}
void Engine::Post(core::TakeOver c, Done<core::TakeOver::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::TakeOver>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Return c, Done<core::Return::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Return>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Summarize c, Done<core::Summarize::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Summarize>>(std::move(c), std::move(done)));
}
void Engine::Post(core::SaveSummary c, Done<core::SaveSummary::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::SaveSummary>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Drain c, Done<core::Drain::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Drain>>(std::move(c), std::move(done)));
}
void Engine::Post(core::AskTurns c, Done<core::AskTurns::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::AskTurns>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RemoveWorker c, Done<core::RemoveWorker::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RemoveWorker>>(std::move(c), std::move(done)));
}
void Engine::Post(core::SaveCheckpoint c, Done<core::SaveCheckpoint::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::SaveCheckpoint>>(std::move(c), std::move(done)));
}
void Engine::Post(core::SavePush c, Done<core::SavePush::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::SavePush>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Report c, Done<core::Report::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Report>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Why c, Done<core::Why::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Why>>(std::move(c), std::move(done)));
}
void Engine::Post(core::ListWorkers c, Done<core::ListWorkers::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::ListWorkers>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Counts c, Done<core::Counts::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::Counts>>(std::move(c), std::move(done)));
}
void Engine::Post(core::AddUser c, Done<core::AddUser::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::AddUser>>(std::move(c), std::move(done)));
}
void Engine::Post(core::ChangeUser c, Done<core::ChangeUser::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::ChangeUser>>(std::move(c), std::move(done)));
}
void Engine::Post(core::ListUsers c, Done<core::ListUsers::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::ListUsers>>(std::move(c), std::move(done)));
}
void Engine::Post(core::CreateTokens c, Done<core::CreateTokens::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::CreateTokens>>(std::move(c), std::move(done)));
}
void Engine::Post(core::ListTokens c, Done<core::ListTokens::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::ListTokens>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RedeemToken c, Done<core::RedeemToken::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RedeemToken>>(std::move(c), std::move(done)));
}
void Engine::Post(core::LoginHere c, Done<core::LoginHere::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::LoginHere>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RenewCredential c, Done<core::RenewCredential::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RenewCredential>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RevokeWorker c, Done<core::RevokeWorker::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RevokeWorker>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RevokeUser c, Done<core::RevokeUser::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RevokeUser>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RevokeToken c, Done<core::RevokeToken::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RevokeToken>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RevokeDevice c, Done<core::RevokeDevice::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RevokeDevice>>(std::move(c), std::move(done)));
}
void Engine::Post(core::RevokeCredential c, Done<core::RevokeCredential::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::RevokeCredential>>(std::move(c), std::move(done)));
}
void Engine::Post(core::NoteRefusal c, Done<core::NoteRefusal::Reply> done) {
  impl_->Post(std::make_unique<Ticket<core::NoteRefusal>>(std::move(c), std::move(done)));
}
void Engine::Post(core::Sync c, Done<SyncAnswer> done) {
  impl_->Post(std::make_unique<SyncTicket>(std::move(c), std::move(done)));
}

void Engine::CancelSync(const SyncKey& key) {
  impl_->Post(std::make_unique<CancelSyncTicket>(key), /*always=*/true);
}

SyncKey KeyOf(const core::Sync& request) {
  const core::Worker& worker = request.worker;
  return {worker.uuid, worker.start, worker.nonce, worker.seq};
}

std::optional<core::AttemptView> Engine::ViewOf(const std::string& handoff_id) const {
  return impl_->views.ViewOf(handoff_id);
}

std::optional<core::DaemonStart> Engine::DaemonOf(const std::string& worker_uuid) const {
  return impl_->views.DaemonOf(worker_uuid);
}

bool Engine::Summarises(const std::string& worker_uuid, const std::string& handoff_id) const {
  return impl_->views.Summarises(worker_uuid, handoff_id);
}

std::shared_ptr<const IdentitySnapshot> Engine::identities() const {
  return impl_->identities.Get();
}

const core::Quotas& Engine::quotas() const { return impl_->options.quotas; }

std::optional<Engine::Lease> Engine::LeaseOf(const std::string& handoff_id) const {
  return impl_->views.LeaseOf(handoff_id, impl_->clock.Now());
}

}  // namespace handoff
