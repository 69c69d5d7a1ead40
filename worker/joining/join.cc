#include "worker/joining/join.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/identity/names.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/status.h"
#include "common/text.h"
#include "worker/data_dir.h"
#include "worker/identity.h"

namespace handoff::worker {
namespace {

constexpr size_t kMostShown = 300;
// More than all files of a join together.
constexpr size_t kRoom = 64 << 10;

// An address at which nobody was reached says nothing of the line.
bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// As whoever invited this host decided.
std::string DescribeTaken(const IssuedPair& issued) {
  if (issued.owner.empty() && !issued.shared) return "";  // a coordinator that does not say it
  std::string text = issued.shared ? "everybody" : OneLine(issued.owner, kMostShown);
  if (issued.repos.empty()) return text;
  return absl::StrCat(text, ", of repositories like ",
                      OneLine(absl::StrJoin(issued.repos, ", "), kMostShown));
}

class Joining {
 public:
  Joining(const JoinOptions& options, DataDir data, IdentityClient& client, const Clock& clock)
      : options_(options),
        data_(std::move(data)),
        made_(data_.joined() + ".joining"),
        client_(client),
        clock_(clock) {}

  absl::Status CheckIsNew() const {
    const auto identity = ReadIdentity(data_.identity());
    if (!identity.ok()) return absl::OkStatus();  // IdentityToJoin says what is wrong with it
    const auto joined = ReadJoined(data_.joined(), identity->uuid);
    // With what has expired it cannot come in any more. Whether it may join again the pool knows.
    if (!joined.ok()) return absl::OkStatus();
    if (joined->renewal && clock_.Now() >= joined->renewal->not_after()) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrCat(
        data_.root(), " has joined pool ", joined->pool.pool_id, " as worker ", joined->pool.name,
        ". Nothing was done. Start it with `handoff-worker --data-dir ", data_.root(),
        "`; to join again as a new worker, give another --data-dir."));
  }

  // What an earlier join put together and could not put in place.
  absl::StatusOr<PoolFile> Finish() const {
    ASSIGN_OR_RETURN(Identity identity, ReadIdentity(data_.identity()));
    ASSIGN_OR_RETURN(const Joined joined, ReadJoined(made_, identity.uuid));
    if (!joined.certificate || !joined.renewal) return joined.damage;
    RETURN_IF_ERROR(PutInPlace(identity, joined.pool));
    return joined.pool;
  }

  absl::Status Begin(const Ticket& ticket, JoinResult& result) const {
    ASSIGN_OR_RETURN(const Identity identity, IdentityToJoin(data_.identity(), data_.root()));
    const std::string& pool_id = ticket.authority.pool_id();
    if (!identity.pool_id.empty() && identity.pool_id != pool_id) {
      return absl::FailedPreconditionError(
          absl::StrCat(data_.root(), " is the data directory of a worker of pool ",
                       identity.pool_id, ", and this line is of pool ", pool_id,
                       ". Nothing was done, and the line is still good: give another --data-dir."));
    }
    ASSIGN_OR_RETURN(const PrivateKey key, MakeKey());
    RETURN_IF_ERROR(HoldRoom());
    ASSIGN_OR_RETURN(const std::string request, MakeSigningRequest(key));
    PoolFile pool{pool_id, Addresses(ticket), options_.name, options_.labels};
    ASSIGN_OR_RETURN(const IssuedPair issued, Redeem(ticket, request, identity.uuid, pool));
    // What the owner of the host says wins over what the line says.
    pool.labels.insert(issued.labels.begin(), issued.labels.end());
    RETURN_IF_ERROR(RemoveTree(Room()));
    if (const absl::Status kept = Keep(ticket, issued, pool); !kept.ok()) {
      return Annotate(kept, absl::StrCat("the line is used up, and this host did not join: have "
                                         "`handoff worker remove ",
                                         options_.name, "` run, and join with a new line"));
    }
    // Read as the daemon will read it, so that nothing comes to its place that it would refuse.
    const auto joined = ReadJoined(made_, identity.uuid);
    const absl::Status problem = joined.ok() ? joined->damage : joined.status();
    if (!problem.ok()) {
      return absl::InternalError(absl::StrCat(
          "what the coordinator sent cannot be used: ", problem.message(),
          ". The line is used up: join again with a new one, and report this if it stays so."));
    }
    RETURN_IF_ERROR(PutInPlace(identity, pool));
    result.pool = std::move(pool);
    result.takes = DescribeTaken(issued);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<PrivateKey> MakeKey() const {
    RETURN_IF_ERROR(RemoveTree(made_));
    RETURN_IF_ERROR(MakeDirectories(made_));
    ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
    ASSIGN_OR_RETURN(const Secret pem, key.ToPem());
    RETURN_IF_ERROR(WritePrivateFile(JoinedFiles(made_).key, pem.Reveal()));
    return key;
  }

  std::string Room() const { return made_ + "/room"; }

  // A line is good once: a disk on which its files find no room is noticed before it is used.
  absl::Status HoldRoom() const {
    const absl::Status held = WritePrivateFile(Room(), std::string(kRoom, '\0'));
    if (held.ok()) return held;
    return absl::Status(held.code(), absl::StrCat(held.message(),
                                                  ". This host did not join, and the line is "
                                                  "still good: make room there and try again."));
  }

  std::vector<std::string> Addresses(const Ticket& ticket) const {
    std::vector<std::string> addresses = ticket.addresses;
    if (options_.coordinator.empty()) return addresses;
    addresses.erase(std::remove(addresses.begin(), addresses.end(), options_.coordinator),
                    addresses.end());
    addresses.insert(addresses.begin(), options_.coordinator);
    return addresses;
  }

  // At the first address that answers; that one is the first of `pool` from then on.
  absl::StatusOr<IssuedPair> Redeem(const Ticket& ticket, const std::string& request,
                                    const std::string& uuid, PoolFile& pool) const {
    ASSIGN_OR_RETURN(Secret key, ticket.key.ToPem());
    const ShownIdentity shown{ticket.authority.pool_id(), ticket.authority.ToPem(),
                              ticket.certificate.ToPem(), std::move(key)};
    std::vector<std::string> failures;
    for (size_t i = 0; i < pool.coordinators.size(); ++i) {
      auto issued =
          client_.Redeem(pool.coordinators[i], shown,
                         {ticket.token_id, ticket.secret.Reveal(), request, uuid, options_.name});
      if (issued.ok()) {
        std::rotate(pool.coordinators.begin(),
                    pool.coordinators.begin() + static_cast<std::ptrdiff_t>(i),
                    pool.coordinators.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        return issued;
      }
      if (absl::IsUnknown(issued.status())) {
        return MayHaveJoined(ticket, pool.coordinators[i], issued.status().message());
      }
      if (!IsAway(issued.status())) return issued.status();
      failures.push_back(absl::StrCat(pool.coordinators[i], ": ", issued.status().message()));
    }
    return absl::UnavailableError(absl::StrCat(
        "the coordinator was not reached. This host did not join; until ", TimeOf(ticket.expires),
        " the line can be tried again.\n  ", absl::StrJoin(failures, "\n  ")));
  }

  static std::string TimeOf(absl::Time time) {
    return absl::FormatTime("%H:%M:%S UTC", time, absl::UTCTimeZone());
  }

  // Another address is the same coordinator: it would say of a line that is used that it is no
  // good.
  absl::Status MayHaveJoined(const Ticket& ticket, const std::string& address,
                             absl::string_view why) const {
    return absl::UnknownError(absl::StrCat(
        address, " was reached, and then gave no answer: ", why,
        ". Whether this host joined is not known, and nothing was put in place here. See "
        "`handoff worker list`: when it shows ",
        options_.name, " as of now, that is of this try; run `handoff worker remove ",
        options_.name,
        "`, and join with a new line. When it does not, this line can be tried again "
        "until ",
        TimeOf(ticket.expires), "."));
  }

  absl::Status Keep(const Ticket& ticket, const IssuedPair& issued, const PoolFile& pool) const {
    const JoinedFiles files(made_);
    RETURN_IF_ERROR(WritePrivateFile(files.authority, ticket.authority.ToPem()));
    RETURN_IF_ERROR(WritePrivateFile(files.certificate, issued.certificate));
    RETURN_IF_ERROR(WritePrivateFile(files.renewal, issued.renewal));
    return WritePrivateFile(files.pool, RenderPoolFile(pool));
  }

  absl::Status PutInPlace(Identity identity, const PoolFile& pool) const {
    identity.pool_id = pool.pool_id;
    RETURN_IF_ERROR(SaveIdentity(data_.identity(), identity));
    // What is there could not be read; it goes only when the new one is in its place.
    const std::string old = data_.joined() + ".old";
    RETURN_IF_ERROR(RemoveTree(old));
    if (PathExists(data_.joined())) RETURN_IF_ERROR(Rename(data_.joined(), old));
    RETURN_IF_ERROR(Rename(made_, data_.joined()));
    RETURN_IF_ERROR(SyncDirectory(data_.root()));
    return RemoveTree(old);
  }

  static absl::Status Rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return ErrnoToStatus(errno, absl::StrCat("renaming ", from));
  }

  const JoinOptions& options_;
  const DataDir data_;
  const std::string made_;
  IdentityClient& client_;
  const Clock& clock_;
};

}  // namespace

absl::StatusOr<JoinResult> Join(const JoinOptions& options,
                                const std::function<absl::StatusOr<Secret>()>& line,
                                IdentityClient& client, const Clock& clock) {
  ASSIGN_OR_RETURN(const ClaimedDir claimed, ClaimDataDir(options.data_dir));
  const Joining joining(options, claimed.data, client, clock);
  RETURN_IF_ERROR(joining.CheckIsNew());
  JoinResult result;
  result.data_dir = claimed.data.root();
  if (auto finished = joining.Finish(); finished.ok()) {
    result.pool = *std::move(finished);
    result.was_begun = true;
    return result;
  }
  ASSIGN_OR_RETURN(const Secret pasted, line());
  ASSIGN_OR_RETURN(const Ticket ticket,
                   DecodeTicket(pasted.Reveal(), TicketKind::kWorker, clock.Now()));
  RETURN_IF_ERROR(joining.Begin(ticket, result));
  return result;
}

}  // namespace handoff::worker
