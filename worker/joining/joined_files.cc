#include "worker/joining/joined_files.h"

#include <toml++/toml.h>

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/identity/private_file.h"
#include "common/identity/verify.h"
#include "common/only_ours.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "worker/data_dir.h"
#include "worker/identity.h"

namespace handoff::worker {
namespace {

constexpr size_t kMostKeyBytes = 16 << 10;

absl::Status Wrong(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(what));
}

absl::StatusOr<std::vector<std::string>> Addresses(const toml::table& table) {
  const auto* list = table["coordinator"].as_array();
  if (list == nullptr || list->empty()) return Wrong("it has no list \"coordinator\"");
  std::vector<std::string> addresses;
  for (const toml::node& item : *list) {
    if (!item.is_string()) return Wrong("an address in \"coordinator\" is no string");
    addresses.push_back(item.as_string()->get());
  }
  return addresses;
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, ReadRegularFile(path));
  auto certificate = Certificate::FromPem(pem);
  if (!certificate.ok()) return Annotate(certificate.status(), path);
  return certificate;
}

absl::StatusOr<Certificate> ReadIssued(const std::string& path, const Joined& joined,
                                       const PeerName& peer) {
  ASSIGN_OR_RETURN(Certificate certificate, ReadCertificate(path));
  const absl::Status issued =
      CheckIssued(certificate, joined.authority, joined.key.public_key(), peer);
  if (!issued.ok()) return Annotate(issued, path);
  return certificate;
}

std::optional<Certificate> Keep(absl::StatusOr<Certificate> certificate, absl::Status& damage) {
  if (certificate.ok()) return *std::move(certificate);
  damage = certificate.status();
  return std::nullopt;
}

}  // namespace

std::string RenderPoolFile(const PoolFile& pool) {
  toml::array addresses;
  for (const std::string& address : pool.coordinators) addresses.push_back(address);
  toml::table labels;
  for (const auto& [key, value] : pool.labels) labels.insert_or_assign(key, value);
  const toml::table table{{"pool_id", pool.pool_id},
                          {"coordinator", std::move(addresses)},
                          {"name", pool.name},
                          {"labels", std::move(labels)}};
  std::ostringstream out;
  out << "# Written by `handoff-worker join`.\n" << table << "\n";
  return out.str();
}

absl::StatusOr<PoolFile> ParsePoolFile(const std::string& text) {
  toml::table table;
  try {  // toml++ is built to throw; this is its border
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Wrong(
        absl::StrCat("line ", error.source().begin.line, ": ", std::string(error.description())));
  }
  PoolFile pool;
  pool.pool_id = table["pool_id"].value_or(std::string());
  if (!CheckPoolId(pool.pool_id).ok()) return Wrong("its \"pool_id\" is none");
  ASSIGN_OR_RETURN(pool.coordinators, Addresses(table));
  pool.name = table["name"].value_or(std::string());
  RETURN_IF_ERROR(ValidateWorkerName(pool.name));
  if (const auto* labels = table["labels"].as_table()) {
    for (const auto& [key, value] : *labels) {
      const std::string name(key.str()), label = value.value_or(std::string());
      RETURN_IF_ERROR(ValidateLabel(name, label));
      pool.labels[name] = label;
    }
  }
  return pool;
}

absl::Status CheckIssued(const Certificate& certificate, const Certificate& authority,
                         const PublicKey& key, const PeerName& peer) {
  if (certificate.peer() != peer) {
    return Wrong(absl::StrCat("it is ", certificate.Describe(), ", not that of ",
                              DescribePeer(peer), " in pool ", peer.pool_id));
  }
  if (certificate.public_key() != key) return Wrong("it does not belong to the key");
  // At a moment at which it is in time: whether it is now is another question.
  return VerifyCertificate(certificate, authority, certificate.not_after() - absl::Seconds(1),
                           CertificateUse::kClient);
}

absl::StatusOr<Joined> ReadJoined(const std::string& directory, absl::string_view worker_uuid) {
  const JoinedFiles files(directory);
  ASSIGN_OR_RETURN(const bool there, IsThere(directory));
  if (!there) return absl::NotFoundError(absl::StrCat(directory, " is not there"));
  RETURN_IF_ERROR(CheckOnlyOursToWrite(directory));
  const auto text = ReadRegularFile(files.pool);
  if (!text.ok()) return Wrong(absl::StrCat(files.pool, ": ", text.status().message()));
  auto pool = ParsePoolFile(*text);
  if (!pool.ok()) return Wrong(absl::StrCat(files.pool, ": ", pool.status().message()));
  auto authority = ReadCertificate(files.authority);
  if (!authority.ok()) return Wrong(authority.status().message());
  if (!authority->is_authority() || authority->pool_id() != pool->pool_id) {
    return Wrong(absl::StrCat(files.authority, " is not the authority of pool ", pool->pool_id));
  }
  const auto key_text = ReadPrivateFile(files.key, kMostKeyBytes);
  if (!key_text.ok()) return Wrong(key_text.status().message());
  auto key = PrivateKey::FromPem(key_text->Reveal());
  if (!key.ok()) return Wrong(absl::StrCat(files.key, ": ", key.status().message()));
  Joined joined{*std::move(pool), *std::move(authority), *std::move(key), {}, {}, {}};
  const std::string uuid(worker_uuid);
  joined.renewal =
      Keep(ReadIssued(files.renewal, joined, {joined.pool.pool_id, PeerKind::kRenewal, uuid}),
           joined.damage);
  joined.certificate =
      Keep(ReadIssued(files.certificate, joined, {joined.pool.pool_id, PeerKind::kWorker, uuid}),
           joined.damage);
  if (!joined.certificate && !joined.renewal) return Wrong(joined.damage.message());
  return joined;
}

absl::StatusOr<Joined> LoadJoined(const std::string& data_dir, std::string& worker_uuid) {
  const DataDir data(data_dir);
  RETURN_IF_ERROR(RefuseCoordinators(data_dir));
  if (!PathExists(data.joined())) {
    return absl::FailedPreconditionError(absl::StrCat(
        data_dir,
        " has not joined a pool. Nothing was started: have a line made with `handoff worker "
        "invite`, and give it to `handoff-worker join --data-dir ",
        data_dir, "`."));
  }
  const auto identity = ReadIdentity(data.identity());
  if (absl::IsNotFound(identity.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(data.identity(),
                     " is missing. Nothing was started: restore it, or join as a new worker, "
                     "with another --data-dir."));
  }
  if (!identity.ok()) return identity.status();
  worker_uuid = identity->uuid;
  auto joined = ReadJoined(data.joined(), worker_uuid);
  if (joined.ok()) return joined;
  return absl::FailedPreconditionError(
      absl::StrCat(joined.status().message(),
                   ". Nothing was started: restore the file, or join as a new worker, with another "
                   "--data-dir and a line of `handoff worker invite`."));
}

}  // namespace handoff::worker
