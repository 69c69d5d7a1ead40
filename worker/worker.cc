#include "worker/worker.h"

#include <limits.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/version.h"
#include "worker/agent/registry.h"
#include "worker/agent_probes.h"
#include "worker/attempt_table.h"
#include "worker/caretaker.h"
#include "worker/data_dir.h"
#include "worker/housekeeping.h"
#include "worker/identity.h"
#include "worker/joining/what_runs_where.h"
#include "worker/journal.h"
#include "worker/purging.h"
#include "worker/repo/repo_client.h"
#include "worker/shim/shim_client.h"
#include "worker/summariser.h"
#include "worker/sync_loop.h"
#include "worker/turn_maker.h"

namespace handoff::worker {
namespace {

// Listing directories for every request would be felt with thousands of workspaces.
constexpr absl::Duration kListEvery = absl::Seconds(10);

}  // namespace

struct Worker::Impl {
  Impl(const WorkerConfig& given, const Programs& programs, UniqueFd lock_fd, const Identity& who,
       std::unique_ptr<Journal> opened)
      : config(given),
        data(config.data_dir),
        lock(std::move(lock_fd)),
        identity(who),
        journal(std::move(opened)),
        repo(programs.repo),
        probes(config, AllAgents()),
        shim_program(programs.shim),
        reserve(DiskReserve(config.data_dir, config.disk_reserve)),
        pool_id(who.pool_id) {}

  void Describe(SyncRequest& request);
  void Act(const Reconciled& reconciled, const SyncAnswer& answer);
  void Purge();
  absl::Status Join(const std::string& pool);
  void Changed(bool urgent) {
    if (loop) loop->Changed(urgent);
  }

  const WorkerConfig config;
  const DataDir data;
  const UniqueFd lock;
  Identity identity;
  const std::unique_ptr<Journal> journal;
  const RealClock clock;
  const RepoClient repo;
  AgentProbes probes;
  DiskFaults disk_faults{[this] { return FreeDiskBytes(data.root()); }};
  const std::string shim_program;
  const uint64_t reserve;
  const Enclosure enclosure = EnclosureOf(AccountOfThisProcess());
  std::unique_ptr<CoordinatorClient> client;
  std::function<std::string()> trouble = [] { return std::string(); };
  std::function<std::string()> renewal_problem = [] { return std::string(); };
  Mutex pool_mutex;
  std::string pool_id ABSL_GUARDED_BY(pool_mutex);
  std::atomic<bool> taken{false};
  std::function<void(const absl::Status&)> fatal;
  std::unique_ptr<Surroundings> around;
  std::unique_ptr<SyncLoop> loop;
  std::unique_ptr<AttemptTable> table;
  std::unique_ptr<Caretaker> caretaker;
  std::unique_ptr<Summariser> summariser;
  std::unique_ptr<TurnMaker> turns;
  // Of the loop's thread.
  std::unique_ptr<Purging> purging;
  std::vector<ProbeResult> sent_probes;
  std::vector<std::string> mirrors, checked_out;
  BootTime listed_at;
  bool draining = false;
};

// What waited for an attempt may go before the request that does not list that one any more.
void Worker::Impl::Purge() {
  if (!purging->waits()) return;
  table->Held();  // lets go of runners that are over
  if (!purging->Go()) return;
  listed_at = {};
  caretaker->EmptyTrashSoon();
}

void Worker::Impl::Describe(SyncRequest& request) {
  Purge();
  const BootTime now = clock.Boot();
  if (listed_at.ns == 0 || now - listed_at > kListEvery) {
    mirrors = data.MirrorKeys();
    checked_out = data.CheckedOut();
    listed_at = now;
  }
  const DiskState disk = LookAtDisk(data.root(), reserve);
  request.name = config.name;
  request.host_boot_id = around->boot_id;
  request.version = kVersion;
  request.ssh = config.ssh;
  request.enclosure = enclosure;
  request.slots = config.slots;
  request.labels = config.labels;
  request.agents = probes.Offers();
  request.attempts = table->Statuses();
  // A workspace that was made since the list was: a resume right after the report looks for it.
  for (const AttemptStatus& status : request.attempts) {
    const std::string& id = status.key.handoff_id;
    const bool listed = std::find(checked_out.begin(), checked_out.end(), id) != checked_out.end();
    if (!listed && PathExists(data.store(id))) checked_out.push_back(id);
  }
  request.repo_keys = mirrors;
  request.workspaces = checked_out;
  request.disk_free_bytes = disk.free_bytes;
  request.not_accepting = disk.not_accepting.empty() ? trouble() : disk.not_accepting;
  request.now = clock.Now();
  request.renewal_problem = renewal_problem();
  sent_probes = request.probes = caretaker->Results();
  request.turns = turns->Results();
}

void Worker::Impl::Act(const Reconciled& reconciled, const SyncAnswer& answer) {
  // A late answer says so too: it is one to a request of this start.
  if (!taken.exchange(true)) table->Wake();
  if (reconciled.verdict == Reconciled::Verdict::kTaken) {
    caretaker->Delivered(sent_probes);
    caretaker->Ask(answer.probes);
    summariser->Want(answer.summaries);
    turns->Want(answer.turns);
    if (draining != answer.draining) {
      draining = answer.draining;
      SPDLOG_INFO(draining ? "draining: no new attempts come here" : "no longer draining");
    }
  }
  table->Apply(reconciled.actions);
  purging->Take(answer.purge);
  Purge();
}

absl::Status Worker::Impl::Join(const std::string& pool) {
  identity.pool_id = pool;
  RETURN_IF_ERROR(Annotate(SaveIdentity(data.identity(), identity), "joining the pool"));
  SPDLOG_INFO("joined pool {}", pool);
  MutexLock guard(pool_mutex);
  pool_id = pool;
  return absl::OkStatus();
}

absl::StatusOr<Worker::Programs> Worker::FindPrograms() {
  char path[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof(path));
  if (n <= 0) return ErrnoToStatus(errno, "reading /proc/self/exe");
  const std::string self(path, static_cast<size_t>(n));
  const std::string directory = self.substr(0, self.rfind('/'));
  Programs programs{directory + "/handoff-shim", directory + "/handoff-repo"};
  for (const std::string& program : {programs.shim, programs.repo}) {
    if (::access(program.c_str(), X_OK) != 0) {
      return absl::NotFoundError(absl::StrCat(
          program, " is missing. Nothing was started; install the whole package again."));
    }
  }
  return programs;
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Open(const WorkerConfig& config,
                                                     const Programs& programs,
                                                     const ClientFactory& client) {
  ASSIGN_OR_RETURN(ClaimedDir claimed, ClaimDataDir(config.data_dir));
  const DataDir& data = claimed.data;
  WorkerConfig absolute = config;
  absolute.data_dir = data.root();
  RETURN_IF_ERROR(data.Make());
  ASSIGN_OR_RETURN(const Identity identity, BeginStart(data.identity(), data.root()));
  ASSIGN_OR_RETURN(auto journal, Journal::Open(data.journal()));
  auto impl = std::make_unique<Impl>(absolute, programs, std::move(claimed.lock), identity,
                                     std::move(journal));
  impl->client = client(identity);
  return std::unique_ptr<Worker>(new Worker(std::move(impl)));
}

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Worker::~Worker() { Stop(); }

void Worker::SetTrouble(std::function<std::string()> trouble,
                        std::function<std::string()> renewal_problem) {
  impl_->trouble = std::move(trouble);
  impl_->renewal_problem = std::move(renewal_problem);
}

absl::Status Worker::Start(std::function<void()> ready,
                           std::function<void(const absl::Status&)> fatal) {
  Impl& self = *impl_;
  self.fatal = std::move(fatal);
  const auto changed = [&self](bool urgent) { self.Changed(urgent); };
  self.around = std::make_unique<Surroundings>(
      Surroundings{self.config, self.data, self.clock, *self.client, *self.journal, self.repo,
                   self.probes, self.disk_faults, self.shim_program, HostBootId(), self.reserve,
                   [&self] {
                     MutexLock guard(self.pool_mutex);
                     return self.pool_id;
                   },
                   [&self] { return self.taken.load(); },
                   [&self](const absl::Status& status) { self.fatal(status); }});
  SyncLoop::Hooks hooks;
  hooks.describe = [&self](SyncRequest& request) { self.Describe(request); };
  hooks.holding = [&self] { return self.table->Held(); };
  hooks.act = [&self](const Reconciled& r, const SyncAnswer& a) { self.Act(r, a); };
  hooks.joined = [&self](const std::string& pool) { return self.Join(pool); };
  hooks.ready = std::move(ready);
  self.loop = std::make_unique<SyncLoop>(*self.client, self.clock, self.identity, self.config.slots,
                                         std::move(hooks));
  self.table = std::make_unique<AttemptTable>(*self.around, changed);
  const IfIdle if_idle = [&self](const std::string& id, const std::function<void()>& action) {
    return self.table->IfIdle(id, action);
  };
  self.caretaker = std::make_unique<Caretaker>(
      Caretaker::Tools{self.config, self.data, self.clock, self.repo, self.probes, self.disk_faults,
                       if_idle, changed});
  self.purging = std::make_unique<Purging>(self.data, if_idle);
  RETURN_IF_ERROR(Annotate(self.table->TakeOver(),
                           "nothing was started, since what an earlier daemon left cannot be "
                           "taken over; mend this and start again"));
  self.summariser = std::make_unique<Summariser>(*self.around, if_idle);
  self.summariser->Start();
  self.turns = std::make_unique<TurnMaker>(*self.around, [changed] { changed(true); });
  self.turns->Start();
  self.caretaker->Start();
  // What it offers must be true from the first request on.
  self.caretaker->AwaitFirstProbes();
  self.loop->Start();
  return absl::OkStatus();
}

void Worker::Stop() {
  if (!impl_->loop) return;
  impl_->loop->Stop();
  impl_->caretaker->Stop();
  if (impl_->summariser) impl_->summariser->Stop();
  if (impl_->turns) impl_->turns->Stop();
  impl_->table->Leave();
}

}  // namespace handoff::worker
