#include "common/identity/authority_directory.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/parts.h"
#include "common/identity/private_file.h"
#include "common/only_ours.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr absl::string_view kSealingKey = "sealing.key";
constexpr absl::string_view kSealed = "authority.key.sealed";
constexpr absl::string_view kCertificate = "authority.pem";
constexpr size_t kMostSealedBytes = 64 << 10;

struct Paths {
  explicit Paths(const std::string& directory)
      : sealing_key(absl::StrCat(directory, "/", kSealingKey)),
        sealed(absl::StrCat(directory, "/", kSealed)),
        certificate(absl::StrCat(directory, "/", kCertificate)) {}
  std::string sealing_key, sealed, certificate;
};

SealedAs AsAuthority(absl::string_view pool_id) { return {pool_id, "the key of the authority"}; }

// Of calls that were killed. Nothing else writes there while the directory is locked.
absl::Status RemoveHalfMade(const std::string& directory) {
  ASSIGN_OR_RETURN(const auto names, ListDirectory(directory));
  for (const std::string& name : names) {
    if (!IsHalfMade(name, kSealingKey) && !IsHalfMade(name, kSealed) &&
        !IsHalfMade(name, kCertificate)) {
      continue;
    }
    const std::string path = absl::StrCat(directory, "/", name);
    if (::unlink(path.c_str()) != 0) return ErrnoToStatus(errno, absl::StrCat("removing ", path));
  }
  return absl::OkStatus();
}

absl::Status IsMissing(const std::string& path, absl::string_view beside) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is missing, but ", beside,
      " is there. No other authority was made, since every certificate of the pool is of the first "
      "one. Restore the file from a backup; or, to begin anew with every worker and user, move the "
      "whole directory away."));
}

// A database and an authority that were not restored together.
absl::Status CheckPool(const Paths& paths, absl::string_view pool_id) {
  const auto text = ReadRegularFile(paths.certificate);
  if (!text.ok()) return absl::OkStatus();  // said later, with what is to be done
  const auto found = Certificate::FromPem(*text);
  if (!found.ok() || found->pool_id() == pool_id) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      paths.certificate, " is of pool ", found->pool_id(), ", but the records are of pool ",
      pool_id, ". Nothing was used or changed. Restore both from one backup."));
}

// The steps make the sealing key, then the sealed file, then the certificate: what is there without
// what comes before it was not left by a step.
absl::Status CheckHalves(const Paths& paths) {
  ASSIGN_OR_RETURN(const bool key, IsThere(paths.sealing_key));
  ASSIGN_OR_RETURN(const bool sealed, IsThere(paths.sealed));
  ASSIGN_OR_RETURN(const bool certificate, IsThere(paths.certificate));
  if (!key && sealed) return IsMissing(paths.sealing_key, kSealed);
  if (!sealed && certificate) return IsMissing(paths.sealed, kCertificate);
  return absl::OkStatus();
}

absl::Status MakeSealed(const Paths& paths, const SealingKey& sealing_key,
                        absl::string_view pool_id, absl::Time now) {
  ASSIGN_OR_RETURN(const Authority made, MakeAuthority(pool_id, now));
  ASSIGN_OR_RETURN(const Secret key, made.key.ToDer());
  const Secret both = PackParts({made.certificate.der(), key.Reveal()});
  ASSIGN_OR_RETURN(const std::string sealed,
                   Seal(sealing_key, AsAuthority(pool_id), both.Reveal()));
  return CreatePrivateFile(paths.sealed, sealed);
}

absl::StatusOr<Authority> OpenSealed(const Paths& paths, const SealingKey& sealing_key,
                                     absl::string_view pool_id) {
  ASSIGN_OR_RETURN(const Secret sealed, ReadPrivateFile(paths.sealed, kMostSealedBytes));
  ASSIGN_OR_RETURN(const Secret both, Unseal(sealing_key, AsAuthority(pool_id), sealed.Reveal()));
  const auto parts = UnpackParts(both.Reveal(), 2);
  if (!parts.has_value()) return absl::DataLossError("what was sealed is no authority");
  ASSIGN_OR_RETURN(Certificate certificate, Certificate::FromDer((*parts)[0]));
  ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::FromDer((*parts)[1]));
  if (certificate.pool_id() != pool_id || certificate.public_key() != key.public_key()) {
    return absl::DataLossError("what was sealed is not the authority of this pool");
  }
  return Authority{std::move(certificate), std::move(key)};
}

absl::Status CheckOrWriteCertificate(const Paths& paths, const Certificate& certificate) {
  const auto text = ReadRegularFile(paths.certificate);
  if (absl::IsNotFound(text.status())) {
    return CreatePrivateFile(paths.certificate, certificate.ToPem());
  }
  if (!text.ok()) return text.status();
  const auto found = Certificate::FromPem(*text);
  if (found.ok() && found->der() == certificate.der()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(paths.certificate, " is not the certificate of the key in ", kSealed,
                   ". Nothing was used or changed. Restore both from one backup; if only ",
                   kCertificate, " was damaged, remove it: it is written again."));
}

}  // namespace

absl::StatusOr<bool> HasAuthority(const std::string& directory) {
  const Paths paths(directory);
  ASSIGN_OR_RETURN(const bool sealed, IsThere(paths.sealed));
  ASSIGN_OR_RETURN(const bool certificate, IsThere(paths.certificate));
  return sealed || certificate;
}

absl::StatusOr<PoolAuthority> OpenOrCreateAuthority(const std::string& directory,
                                                    absl::string_view pool_id, absl::Time now) {
  RETURN_IF_ERROR(CheckPoolId(pool_id));
  RETURN_IF_ERROR(MakeDirectories(directory));
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(directory, "/..")));
  RETURN_IF_ERROR(CheckOnlyOursToWrite(directory));
  ASSIGN_OR_RETURN(const UniqueFd lock, LockFile(absl::StrCat(directory, "/lock")));
  const Paths paths(directory);
  RETURN_IF_ERROR(CheckHalves(paths));
  RETURN_IF_ERROR(CheckPool(paths, pool_id));
  RETURN_IF_ERROR(RemoveHalfMade(directory));
  ASSIGN_OR_RETURN(SealingKey sealing_key, SealingKey::LoadOrCreate(paths.sealing_key));
  ASSIGN_OR_RETURN(const bool made, IsThere(paths.sealed));
  if (!made) RETURN_IF_ERROR(MakeSealed(paths, sealing_key, pool_id, now));
  auto authority = OpenSealed(paths, sealing_key, pool_id);
  if (!authority.ok()) return Annotate(authority.status(), paths.sealed);
  RETURN_IF_ERROR(CheckOrWriteCertificate(paths, authority->certificate));
  return PoolAuthority{std::move(sealing_key), *std::move(authority)};
}

}  // namespace handoff
