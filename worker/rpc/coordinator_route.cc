#include "worker/rpc/coordinator_route.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/rpc/channel.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

// gRPC looks once a second whether there is another certificate.
constexpr absl::Duration kTakenOver = absl::Seconds(5);

}  // namespace

Connections::Connections(std::shared_ptr<grpc::Channel> for_calls,
                         std::shared_ptr<grpc::Channel> for_logs)
    : calls(std::move(for_calls)),
      logs(std::move(for_logs)),
      pool(v1::Pool::NewStub(calls)),
      objects(v1::Objects::NewStub(calls)),
      control(v1::Control::NewStub(calls)),
      drive_calls(calls),
      drive_logs(logs) {}

CoordinatorRoute::CoordinatorRoute(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock) {
  CHECK(!options_.coordinators.empty());
}

absl::Status CoordinatorRoute::Load() {
  if (!options_.credentials || credentials_) return absl::OkStatus();
  auto loaded = Credentials::Load(*options_.credentials, CredentialUse::kClient, clock_);
  if (!loaded.ok()) {
    return absl::UnavailableError(
        absl::StrCat("there is no certificate to show: ", loaded.status().message()));
  }
  credentials_ = *std::move(loaded);
  return absl::OkStatus();
}

// From here. With a tunnel that is not open it is the next one's turn.
absl::StatusOr<std::string> CoordinatorRoute::Address() {
  const std::string& address = options_.coordinators[address_];
  if (options_.tunnels == nullptr) return address;
  auto local = options_.tunnels->Resolve(address);
  if (!local.ok()) address_ = (address_ + 1) % options_.coordinators.size();
  return local;
}

absl::StatusOr<ConnectionsPtr> CoordinatorRoute::GetLocked(ConnectionsPtr& old) {
  RETURN_IF_ERROR(Load());
  ASSIGN_OR_RETURN(const std::string address, Address());
  const bool anew = anew_at_.ns != 0 && clock_.Boot() >= anew_at_;
  if (connections_ && !anew && made_to_ == address) return connections_;
  anew_at_ = {};
  made_to_ = address;
  const auto channel = [&, shown = credentials_.get()] {
    return shown == nullptr ? MakeChannel(address) : MakeChannel(address, *shown, options_.name);
  };
  old = std::exchange(connections_, std::make_shared<Connections>(channel(), channel()));
  return connections_;
}

absl::StatusOr<ConnectionsPtr> CoordinatorRoute::Get() {
  ConnectionsPtr old;  // goes after the lock
  MutexLock lock(mutex_);
  if (!denied_.ok()) return absl::UnavailableError(denied_.message());
  return GetLocked(old);
}

absl::StatusOr<ConnectionsPtr> CoordinatorRoute::GetToSync() {
  ConnectionsPtr old;  // goes after the lock
  MutexLock lock(mutex_);
  return GetLocked(old);
}

void CoordinatorRoute::Synced(const ConnectionsPtr& connections, const absl::Status& status) {
  const bool denied = absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
  const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  if (absl::IsUnauthenticated(status) && unknown_) unknown_();
  if (away) {
    connections->drive_calls.Drive();
    connections->drive_logs.Drive();
  }
  MutexLock lock(mutex_);
  if (connections != connections_) return;
  if (status.ok()) denied_ = absl::OkStatus();
  if (denied) {
    denied_ = status;
    // It may be the certificate of an old connection, and there is a newer one.
    connections_ = nullptr;
  }
  if (away && options_.coordinators.size() > 1) {
    address_ = (address_ + 1) % options_.coordinators.size();
    connections_ = nullptr;
  }
}

void CoordinatorRoute::Renewed() {
  MutexLock lock(mutex_);
  if (credentials_) credentials_->Refresh();
  anew_at_ = clock_.Boot() + kTakenOver;
}

}  // namespace handoff::worker
