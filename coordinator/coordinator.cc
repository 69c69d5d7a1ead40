#include "coordinator/coordinator.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/authority_directory.h"
#include "common/identity/certificate.h"
#include "common/rpc/address.h"
#include "common/rpc/credentials.h"
#include "common/rpc/server.h"
#include "common/status.h"
#include "coordinator/engine.h"
#include "coordinator/identity/issuer.h"
#include "coordinator/identity/own_files.h"
#include "coordinator/local_door.h"
#include "coordinator/log_store.h"
#include "coordinator/notifier.h"
#include "coordinator/object_store.h"
#include "coordinator/object_sweeper.h"
#include "coordinator/purger.h"
#include "coordinator/service/control_service.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/door.h"
#include "coordinator/service/followers.h"
#include "coordinator/service/identity_service.h"
#include "coordinator/service/objects_service.h"
#include "coordinator/service/open_calls.h"
#include "coordinator/service/pool_service.h"
#include "coordinator/service/pushes.h"
#include "coordinator/store/data_directory.h"
#include "coordinator/store/sqlite_audit_reader.h"
#include "coordinator/store/sqlite_reader.h"
#include "coordinator/store/sqlite_store.h"

namespace handoff {
namespace {

constexpr absl::Duration kServerStopGrace = absl::Seconds(2);
constexpr absl::Duration kLoginLineTtl = absl::Hours(1);

// Where others find what listens at `bound`.
std::vector<std::string> AddressesOf(const Config& config, const std::string& bound) {
  if (!config.advertise.empty()) return config.advertise;
  const auto address = ParseAddress(bound);
  if (!address.ok() || (address->host != "0.0.0.0" && address->host != "::")) return {bound};
  Address named = *address;
  char host[256] = "";
  if (::gethostname(host, sizeof(host) - 1) != 0) return {bound};
  named.host = host;
  return {named.ToString()};
}

// A pool's authority comes after its database: alone it is what is left of a pool, and a new
// database would be another pool's.
absl::Status CheckNotLost(const DataDirectory& directory) {
  ASSIGN_OR_RETURN(const bool database, IsThere(directory.database()));
  ASSIGN_OR_RETURN(const bool authority, HasAuthority(directory.identity()));
  if (database || !authority) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      directory.database(), " is missing, but the pool's authority is in ", directory.identity(),
      ". Nothing was made or started. Restore the database from a backup; or, to begin anew with "
      "every worker and user, move ",
      directory.path(), " away."));
}

// Nobody knows what is on the disk: the next start reads it again.
[[noreturn]] void Die(const absl::Status& status) {
  SPDLOG_CRITICAL("stopping at once: {}", std::string(status.message()));
  spdlog::shutdown();
  std::_Exit(1);
}

}  // namespace

// Members are in the order in which they are built; the server's services refer to all above.
struct Coordinator::Impl {
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<SqliteReader> reader;
  std::unique_ptr<SqliteAuditReader> audit;
  std::unique_ptr<ObjectStore> objects;
  std::unique_ptr<Followers> followers;
  OpenCalls calls{[this](const std::string& serial) { return IsGood(serial); }};
  std::unique_ptr<LogStore> logs;
  std::vector<std::unique_ptr<Notifier>> notifiers;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Purger> purger;
  std::unique_ptr<Issuer> issuer;
  std::unique_ptr<OwnFiles> own_files;
  std::unique_ptr<Door> door;
  std::unique_ptr<ControlService> control;
  std::unique_ptr<PoolService> pool;
  std::unique_ptr<ObjectsService> objects_service;
  std::unique_ptr<IdentityService> identity;
  std::shared_ptr<Credentials> credentials;
  std::unique_ptr<RpcServer> server;
  std::unique_ptr<LocalDoor> local_door;  // may be null
  std::unique_ptr<ObjectSweeper> sweeper;

  bool IsGood(const std::string& serial) const;
  absl::Status OpenStores(const std::string& data_dir);
  absl::Status StartEngine(const Config& config, const Clock& clock);
  absl::Status OpenAuthority(const Clock& clock);
  void LookForRestore(const Clock& clock) const;
  absl::Status OpenIdentity(const Clock& clock);
  absl::Status StartServer(const Config& config, const Clock& clock);
  absl::Status StartNotifiers(const Config& config, const Clock& clock);
};

bool Coordinator::Impl::IsGood(const std::string& serial) const {
  const auto identities = engine->identities();
  const Identified* const known = identities->Find(serial);
  return known != nullptr && !known->revoked;
}

absl::Status Coordinator::Impl::OpenStores(const std::string& data_dir) {
  ASSIGN_OR_RETURN(DataDirectory opened, DataDirectory::Open(data_dir));
  directory = std::make_unique<DataDirectory>(std::move(opened));
  RETURN_IF_ERROR(CheckNotLost(*directory));
  ASSIGN_OR_RETURN(store, SqliteStore::Open(directory->database()));
  ASSIGN_OR_RETURN(reader, SqliteReader::Open(directory->database()));
  ASSIGN_OR_RETURN(audit, SqliteAuditReader::Open(directory->database()));
  ASSIGN_OR_RETURN(objects, ObjectStore::Open(directory->objects()));
  followers = std::make_unique<Followers>(*reader);
  ASSIGN_OR_RETURN(logs, LogStore::Open(directory->logs()));
  return absl::OkStatus();
}

absl::Status Coordinator::Impl::StartEngine(const Config& config, const Clock& clock) {
  EngineOptions options;
  options.quotas = config.quotas;
  options.on_commit = [this](uint64_t revision) {
    followers->Committed(revision);
    for (const auto& notifier : notifiers) notifier->Committed();
  };
  options.fatal = Die;
  options.summaries_of = SummariesOf;
  options.asks_for_push = [](const std::string& spec) { return AsksForPush(spec); };
  options.on_cut_off = [this](const CutOff& cut) {
    for (const std::string& serial : cut.serials) calls.Cut(serial);
  };
  engine = std::make_unique<Engine>(std::move(options), *store, clock);
  return engine->Start();
}

// A first start makes the authority and then notes it: killed between the two, the next one notes
// it.
absl::Status Coordinator::Impl::OpenAuthority(const Clock& clock) {
  ASSIGN_OR_RETURN(const std::string pool_id, reader->PoolId());
  ASSIGN_OR_RETURN(const SqliteStore::KnownAuthority known, store->Authority());
  ASSIGN_OR_RETURN(issuer, Issuer::Open(directory->identity(), pool_id,
                                        {known.fingerprint, known.has_identities}, clock));
  if (!known.fingerprint.empty()) return absl::OkStatus();
  return store->NoteAuthority(issuer->authority().Fingerprint());
}

// The admin's certificate beside the database is the first that may be newer than its records.
void Coordinator::Impl::LookForRestore(const Clock& clock) const {
  const auto pem = ReadFile(directory->identity() + "/local/certificate.pem", 64 << 10);
  const auto certificate = pem.ok() ? Certificate::FromPem(*pem) : pem.status();
  if (!certificate.ok() || certificate->not_after() <= clock.Now()) return;
  if (engine->identities()->Find(certificate->serial()) != nullptr) return;
  SPDLOG_WARN(
      "{}/local has a certificate that these records do not know. Were they restored from a backup "
      "that is older? Then stop this coordinator, run it with `restored` and start it again, or "
      "workers that renewed theirs since are not let in",
      directory->identity());
}

absl::Status Coordinator::Impl::OpenIdentity(const Clock& clock) {
  LookForRestore(clock);
  const std::string path = directory->identity();
  OwnFiles::Options options;
  options.server_directory = path + "/server";
  options.admin_directory = path + "/local";
  options.admin = LocalAdminName();
  own_files = std::make_unique<OwnFiles>(std::move(options), *issuer, *engine, clock);
  RETURN_IF_ERROR(own_files->Refresh());
  const CredentialFiles files = CredentialFiles::In(path + "/server");
  ASSIGN_OR_RETURN(credentials, Credentials::Load(files, CredentialUse::kServer, clock));
  door = std::make_unique<Door>(
      issuer->pool_id(), *engine, clock,
      [this](const core::NoteRefusal& refusal) { engine->Post(refusal, [](const auto&) {}); });
  return absl::OkStatus();
}

absl::Status Coordinator::Impl::StartNotifiers(const Config& config, const Clock& clock) {
  if (!config.notify.empty()) RETURN_IF_ERROR(MakeDirectories(directory->notify()));
  for (const auto& [key, command] : config.notify) {
    NotifierOptions options;
    options.key = key;
    options.command = command;
    options.cursor = absl::StrCat(directory->notify(), "/", key);
    notifiers.push_back(std::make_unique<Notifier>(std::move(options), *reader, clock));
  }
  return absl::OkStatus();
}

absl::Status Coordinator::Impl::StartServer(const Config& config, const Clock& clock) {
  std::set<std::string> notify_keys;
  for (const auto& [key, command] : config.notify) notify_keys.insert(key);
  const ServiceParts parts{*engine,
                           *reader,
                           *logs,
                           *objects,
                           *purger,
                           *followers,
                           *door,
                           calls,
                           clock,
                           directory->path(),
                           SqliteStoreOptions().reserve_bytes,
                           clock.Now(),
                           std::move(notify_keys)};
  control = std::make_unique<ControlService>(parts);
  pool = std::make_unique<PoolService>(parts);
  objects_service = std::make_unique<ObjectsService>(*objects, *door, calls);
  identity = std::make_unique<IdentityService>(parts, *issuer, *audit);
  ServerOptions options;
  options.listen = config.listen;
  options.credentials = credentials;
  options.processor = door->Processor();
  ASSIGN_OR_RETURN(server, RpcServer::Start(options, {control.get(), pool.get(),
                                                      objects_service.get(), identity.get()}));
  issuer->SetAddresses(AddressesOf(config, server->address()));
  // Whoever comes in is told where the server is.
  if (!config.unix_socket.empty()) {
    ASSIGN_OR_RETURN(local_door,
                     LocalDoor::Open({config.unix_socket, config.unix_users}, *issuer, *engine));
  }
  sweeper = std::make_unique<ObjectSweeper>(*objects, *reader, clock);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(const Config& config,
                                                                const Clock& clock) {
  RETURN_IF_ERROR(Validate(config));
  std::unique_ptr<Coordinator> coordinator(new Coordinator(std::make_unique<Impl>()));
  Impl& impl = *coordinator->impl_;
  RETURN_IF_ERROR(impl.OpenStores(config.data_dir));
  RETURN_IF_ERROR(impl.OpenAuthority(clock));
  RETURN_IF_ERROR(impl.StartNotifiers(config, clock));
  RETURN_IF_ERROR(impl.StartEngine(config, clock));
  RETURN_IF_ERROR(impl.OpenIdentity(clock));
  impl.purger = std::make_unique<Purger>(PurgerOptions{config.retention_ended}, *impl.engine,
                                         *impl.reader, *impl.logs, clock);
  RETURN_IF_ERROR(impl.StartServer(config, clock));
  return coordinator;
}

Coordinator::Coordinator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Coordinator::~Coordinator() { Stop(); }

const std::string& Coordinator::address() const { return impl_->server->address(); }

std::vector<std::string> Coordinator::addresses() const { return impl_->issuer->addresses(); }

absl::StatusOr<Secret> Coordinator::LoginLine() {
  return MakeLoginLine(LocalAdminName(), kLoginLineTtl, *impl_->issuer, *impl_->engine);
}

void Coordinator::Stop() {
  Impl& impl = *impl_;
  impl.local_door.reset();
  if (impl.server != nullptr) {
    impl.server->SetServing(false);
    impl.pool->Close();
    impl.followers->Close();
    impl.server->Stop(kServerStopGrace);
  }
  impl.sweeper.reset();
  impl.own_files.reset();
  impl.purger.reset();
  if (impl.engine != nullptr) impl.engine->Stop();
  impl.notifiers.clear();
  // Nobody is woken any more, and then the log store answers what it still syncs.
  if (impl.followers != nullptr) impl.followers->Stop();
  impl.logs.reset();
}

}  // namespace handoff
