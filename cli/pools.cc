#include "cli/pools.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/settings.h"
#include "common/file.h"
#include "common/identity/names.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr uint64_t kMostNameBytes = 1 << 10;

struct Login {
  std::string pool_id;
  absl::StatusOr<StoredCredential> credential;
};

absl::StatusOr<std::vector<Login>> ReadLogins(const std::string& pools) {
  std::vector<Login> logins;
  const auto names = ListDirectory(pools);
  if (absl::IsNotFound(names.status())) return logins;
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    if (!CheckPoolId(name).ok()) continue;  // .current, and what a killed login left
    logins.push_back({name, ReadCredential(absl::StrCat(pools, "/", name))});
  }
  return logins;
}

bool IsAt(const Login& login, const std::string& address) {
  if (!login.credential.ok()) return false;
  const std::vector<std::string>& addresses = login.credential->addresses;
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

std::string NamesOf(const std::vector<const Login*>& logins) {
  return absl::StrJoin(logins, ", ", [](std::string* out, const Login* login) {
    absl::StrAppend(out, login->pool_id);
  });
}

absl::Status NotLoggedIn(const std::string& address) {
  return absl::UnauthenticatedError(absl::StrCat(
      "you are not logged in to a pool", address.empty() ? "" : " at ", address,
      ": paste a line of its admin ('handoff user add NAME' prints one) to 'handoff login'. "
      "'handoff dev' starts a pool on this machine; a pipeline sets HANDOFF_TOKEN ('handoff token "
      "create')"));
}

absl::Status SeveralFit(const std::vector<const Login*>& logins, const std::string& address) {
  return absl::FailedPreconditionError(absl::StrCat(
      "you are logged in to several pools", address.empty() ? "" : absl::StrCat(" at ", address),
      " (", NamesOf(logins), "), and nothing says which is meant: write pool = \"",
      logins.front()->pool_id, "\" into config.toml",
      address.empty() ? ", or give one's address with --coordinator" : ""));
}

// What is asked for, from all sources but the logins themselves.
struct Wanted {
  std::string address;      // "" unless somebody gave one
  std::string pool_id;      // "" unless config.toml or the last login says one
  bool configured = false;  // it was config.toml
  PoolSettings dev;
};

absl::StatusOr<Wanted> ReadWanted(const PoolQuestion& question, const Places& places) {
  Wanted wanted;
  ASSIGN_OR_RETURN(wanted.address, AskedCoordinator(question.coordinator, question.environment));
  ASSIGN_OR_RETURN(const PoolSettings config, ReadConfig(places.config_file));
  if (wanted.address.empty()) wanted.address = config.coordinator;
  wanted.pool_id = config.pool;
  wanted.configured = !config.pool.empty();
  if (!wanted.configured) {
    const auto current = ReadFile(places.current_pool, kMostNameBytes);
    if (current.ok()) wanted.pool_id = std::string(absl::StripAsciiWhitespace(*current));
  }
  // A broken one is that of a pool that is gone.
  wanted.dev = ReadDevContext(places.context_file).value_or(PoolSettings());
  return wanted;
}

const Login* Named(const std::vector<const Login*>& logins, const std::string& pool_id) {
  const auto found = std::find_if(logins.begin(), logins.end(),
                                  [&](const Login* login) { return login->pool_id == pool_id; });
  return found == logins.end() ? nullptr : *found;
}

// The login that is meant, or nullptr: none.
absl::StatusOr<const Login*> Choose(const std::vector<Login>& logins, const Wanted& wanted) {
  std::vector<const Login*> all, there;
  for (const Login& login : logins) {
    all.push_back(&login);
    if (!wanted.address.empty() && IsAt(login, wanted.address)) there.push_back(&login);
  }
  if (there.empty() && !wanted.address.empty() && wanted.address == wanted.dev.coordinator) {
    return nullptr;
  }
  if (there.empty() && wanted.configured && Named(all, wanted.pool_id) == nullptr) {
    return absl::UnauthenticatedError(
        absl::StrCat("config.toml names pool ", OneLine(wanted.pool_id, 60),
                     ", to which you are not logged in here: paste a line of its admin to 'handoff "
                     "login', or name another one"));
  }
  // By another way than those that a login knows, such as a tunnel: the pool's name is checked.
  const std::vector<const Login*>& fitting = there.empty() ? all : there;
  if (const Login* const named = Named(fitting, wanted.pool_id)) return named;
  if (fitting.size() > 1) return SeveralFit(fitting, wanted.address);
  return fitting.empty() ? nullptr : fitting.front();
}

absl::StatusOr<PoolAccess> ByToken(const std::string& token, const std::string& address,
                                   absl::Time now) {
  auto ticket = DecodeTicket(token, TicketKind::kCi, now);
  if (absl::IsDeadlineExceeded(ticket.status())) {
    return absl::UnauthenticatedError(absl::StrCat("HANDOFF_TOKEN: ", ticket.status().message(),
                                                   "; make a new one with 'handoff token create'"));
  }
  if (!ticket.ok()) return Annotate(ticket.status(), "HANDOFF_TOKEN");
  std::vector<std::string> addresses = ticket->addresses;
  if (!address.empty()) addresses = {address};
  return PoolAccess{std::move(addresses), std::nullopt, *std::move(ticket)};
}

absl::StatusOr<PoolAccess> ByDirectory(const std::string& directory, const Wanted& wanted,
                                       absl::Time now) {
  auto credential = ReadCredential(directory);
  if (!credential.ok()) return Annotate(credential.status(), "HANDOFF_CREDENTIALS");
  RETURN_IF_ERROR(CheckUsable(*credential, now));
  std::vector<std::string> addresses = credential->addresses;
  if (!wanted.address.empty()) addresses = {wanted.address};
  if (addresses.empty() && wanted.dev.credentials == directory) {
    addresses = {wanted.dev.coordinator};
  }
  if (addresses.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("HANDOFF_CREDENTIALS names ", directory,
                     ", which does not say where the coordinator is: give its address with "
                     "--coordinator HOST:PORT or in HANDOFF_COORDINATOR"));
  }
  return PoolAccess{std::move(addresses), *std::move(credential), std::nullopt};
}

absl::StatusOr<PoolAccess> OfDev(const Wanted& wanted, absl::Time now) {
  const PoolSettings& dev = wanted.dev;
  if (dev.coordinator.empty() || dev.credentials.empty() ||
      (!wanted.address.empty() && wanted.address != dev.coordinator)) {
    return NotLoggedIn(wanted.address);
  }
  ASSIGN_OR_RETURN(StoredCredential credential, ReadCredential(dev.credentials));
  RETURN_IF_ERROR(CheckUsable(credential, now));
  return PoolAccess{{dev.coordinator}, std::move(credential), std::nullopt};
}

}  // namespace

const std::string& PoolAccess::pool_id() const {
  return ticket.has_value() ? ticket->authority.pool_id() : stored->pool_id();
}

std::string PoolAccess::user() const { return stored.has_value() ? stored->user() : ""; }

absl::StatusOr<PoolAccess> FindPool(const PoolQuestion& question) {
  const std::string token = FromEnvironment(question.environment, "HANDOFF_TOKEN");
  if (!token.empty()) {
    ASSIGN_OR_RETURN(const std::string address,
                     AskedCoordinator(question.coordinator, question.environment));
    return ByToken(token, address, question.now);
  }
  const Places places = PlacesFrom(question.environment);
  ASSIGN_OR_RETURN(const Wanted wanted, ReadWanted(question, places));
  const std::string directory = FromEnvironment(question.environment, "HANDOFF_CREDENTIALS");
  if (!directory.empty()) return ByDirectory(directory, wanted, question.now);
  ASSIGN_OR_RETURN(std::vector<Login> logins, ReadLogins(places.pools));
  ASSIGN_OR_RETURN(const Login* const login, Choose(logins, wanted));
  if (login == nullptr) return OfDev(wanted, question.now);
  ASSIGN_OR_RETURN(StoredCredential credential, login->credential);
  if (credential.socket.empty()) RETURN_IF_ERROR(CheckUsable(credential, question.now));
  std::vector<std::string> addresses = credential.addresses;
  if (!wanted.address.empty()) addresses = {wanted.address};
  if (addresses.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(credential.directory,
                     "/pool.toml does not say where the coordinator is: give its address with "
                     "--coordinator HOST:PORT"));
  }
  return PoolAccess{std::move(addresses), std::move(credential), std::nullopt};
}

absl::StatusOr<StoredCredential> FindLogin(const PoolQuestion& question) {
  const Places places = PlacesFrom(question.environment);
  ASSIGN_OR_RETURN(const Wanted wanted, ReadWanted(question, places));
  ASSIGN_OR_RETURN(const std::vector<Login> logins, ReadLogins(places.pools));
  ASSIGN_OR_RETURN(const Login* const login, Choose(logins, wanted));
  if (login == nullptr) return NotLoggedIn(wanted.address);
  return login->credential;
}

}  // namespace handoff
