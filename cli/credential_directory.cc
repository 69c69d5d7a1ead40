#include "cli/credential_directory.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/toml_file.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/identity/private_file.h"
#include "common/identity/verify.h"
#include "common/only_ours.h"
#include "common/rpc/credentials.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr uint64_t kMostPemBytes = 64 << 10;
constexpr absl::Duration kBetweenTries = absl::Hours(24);
constexpr absl::string_view kNewLine =
    "ask an admin of the pool for a new line (they type: handoff login --link --user ";

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, absl::LocalTimeZone());
}

absl::StatusOr<Certificate> ReadCertificateFile(const std::string& path) {
  RETURN_IF_ERROR(CheckOnlyOursToWrite(path));
  ASSIGN_OR_RETURN(const std::string pem, ReadFile(path, kMostPemBytes));
  auto certificate = Certificate::FromPem(pem);
  if (!certificate.ok()) return Annotate(certificate.status(), path);
  return certificate;
}

absl::Status ReadPoolFile(const std::string& path, StoredCredential& credential) {
  const auto file = TomlFile::Read(path, {"coordinator", "pool_id", "user", "socket"});
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(credential.addresses, file->List("coordinator"));
  ASSIGN_OR_RETURN(const std::optional<std::string> socket, file->String("socket"));
  credential.socket = socket.value_or("");
  credential.is_login = true;
  return CheckOnlyOursToWrite(path);
}

std::string PoolFile(const NewCredential& credential, const std::string& pool_id) {
  return absl::StrCat(
      "# Written by handoff login.\ncoordinator = [",
      absl::StrJoin(
          credential.addresses, ", ",
          [](std::string* out, const std::string& a) { absl::StrAppend(out, TomlString(a)); }),
      "]\npool_id = ", TomlString(pool_id), "\nuser = ", TomlString(credential.user), "\n",
      credential.socket.empty() ? "" : "socket = ",
      credential.socket.empty() ? "" : TomlString(credential.socket) + "\n");
}

absl::Status WriteFiles(const std::string& directory, const NewCredential& credential) {
  ASSIGN_OR_RETURN(const Certificate authority, Certificate::FromPem(credential.authority));
  const CredentialFiles files = CredentialFiles::In(directory);
  RETURN_IF_ERROR(WritePrivateFile(files.authority, credential.authority));
  RETURN_IF_ERROR(WritePrivateFile(files.certificate, credential.certificate));
  RETURN_IF_ERROR(WritePrivateFile(files.key, credential.key.Reveal()));
  return WritePrivateFile(directory + "/pool.toml", PoolFile(credential, authority.pool_id()));
}

}  // namespace

absl::StatusOr<StoredCredential> ReadCredential(const std::string& directory) {
  const CredentialFiles files = CredentialFiles::In(directory);
  if (!PathExists(files.certificate)) {
    return absl::NotFoundError(absl::StrCat("there is no credential in ", directory));
  }
  RETURN_IF_ERROR(CheckOnlyOursToWrite(directory));
  ASSIGN_OR_RETURN(Certificate authority, ReadCertificateFile(files.authority));
  ASSIGN_OR_RETURN(Certificate certificate, ReadCertificateFile(files.certificate));
  if (!certificate.peer().has_value() || certificate.peer()->kind != PeerKind::kUser) {
    return absl::InvalidArgumentError(absl::StrCat(
        files.certificate, " is ", certificate.Describe(), ", and not of a user of a pool"));
  }
  StoredCredential credential{directory, std::move(authority), std::move(certificate), {}, "",
                              false};
  RETURN_IF_ERROR(ReadPoolFile(directory + "/pool.toml", credential));
  return credential;
}

absl::Status CheckUsable(const StoredCredential& credential, absl::Time now) {
  const Certificate& certificate = credential.certificate;
  const std::string whose =
      absl::StrCat("your certificate (", credential.user(), " in pool ", credential.pool_id(), ")");
  if (now >= certificate.not_after()) {
    const std::string advice =
        !credential.socket.empty()
            ? absl::StrCat("log in again: handoff login --socket ", ShellQuote(credential.socket))
        : credential.is_login
            ? absl::StrCat(kNewLine, credential.user(), ") and paste it to 'handoff login'")
            : absl::StrCat("the coordinator makes the one in ", credential.directory,
                           " anew by itself: is it running?");
    return absl::UnauthenticatedError(
        absl::StrCat(whose, " expired on ", TimeText(certificate.not_after()), ": ", advice));
  }
  if (now < certificate.not_before()) {
    return absl::UnauthenticatedError(
        absl::StrCat(whose, " is valid from ", TimeText(certificate.not_before()),
                     " on, and by this host's clock it is ", TimeText(now), ": set the clock"));
  }
  const absl::Status verified =
      VerifyCertificate(certificate, credential.authority, now, CertificateUse::kClient);
  return verified.ok() ? verified : Annotate(verified, credential.directory);
}

absl::Status WriteCredential(const std::string& directory, const NewCredential& credential) {
  const std::filesystem::path path(directory);
  const std::string made = absl::StrCat(path.parent_path().string(), "/.new-", RandomHex(8));
  const std::string old = absl::StrCat(path.parent_path().string(), "/.old-", RandomHex(8));
  RETURN_IF_ERROR(MakeDirectories(made));
  absl::Status status = WriteFiles(made, credential);
  if (status.ok() && ::rename(directory.c_str(), old.c_str()) != 0 && errno != ENOENT) {
    status = ErrnoToStatus(errno, absl::StrCat("replacing ", directory));
  }
  if (status.ok() && ::rename(made.c_str(), directory.c_str()) != 0) {
    status = ErrnoToStatus(errno, absl::StrCat("making ", directory));
  }
  if (status.ok()) status = SyncDirectory(path.parent_path().string());
  for (const std::string& left : {made, old}) {
    const absl::Status removed = RemoveTree(left);
    if (status.ok()) status = removed;
  }
  return status;
}

RenewalRecord ReadRenewalRecord(const std::string& directory) {
  RenewalRecord record;
  const auto text = ReadFile(directory + "/renewal", kMostPemBytes);
  if (!text.ok()) return record;
  const size_t end = text->find('\n');
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text->substr(0, end), &record.tried_at, &error)) {
    record.tried_at = absl::InfinitePast();
  }
  if (end != std::string::npos) record.error = OneLine(text->substr(end + 1), 600);
  return record;
}

absl::Status WriteRenewalRecord(const std::string& directory, const RenewalRecord& record) {
  return WriteFileAtomically(
      directory + "/renewal",
      absl::StrCat(absl::FormatTime(absl::RFC3339_full, record.tried_at, absl::UTCTimeZone()), "\n",
                   OneLine(record.error, 600), "\n"));
}

absl::Time RenewalTime(const Certificate& certificate) {
  return certificate.not_before() + (certificate.not_after() - certificate.not_before()) / 2;
}

bool IsRenewalDue(const StoredCredential& credential, const RenewalRecord& last, absl::Time now) {
  if (!credential.is_login || !credential.socket.empty() ||
      now < RenewalTime(credential.certificate))
    return false;
  // A record from the future is of a clock that was wrong.
  return last.tried_at > now || now - last.tried_at >= kBetweenTries;
}

}  // namespace handoff
