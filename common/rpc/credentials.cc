#include "common/rpc/credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/mutex.h"
#include "common/regular_file.h"
#include "common/rpc/memory_file.h"
#include "common/status.h"

namespace handoff {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::StaticDataCertificateProvider;

constexpr absl::Duration kBetweenLooks = absl::Seconds(1);
constexpr unsigned kGrpcLooksEvery = 1;  // s, the least that it takes

// Differs when somebody wrote or replaced one of the files.
std::string StampOf(const CredentialFiles& files) {
  std::string stamp;
  for (const std::string& path : {files.authority, files.certificate, files.key}) {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) {
      absl::StrAppend(&stamp, errno, ";");
      continue;
    }
    absl::StrAppend(&stamp, info.st_dev, " ", info.st_ino, " ", info.st_size, " ", info.st_mode,
                    " ", info.st_mtim.tv_sec, " ", info.st_mtim.tv_nsec, ";");
  }
  return stamp;
}

absl::StatusOr<std::string> ReadKey(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return ErrnoToStatus(errno, path);
  if ((info.st_mode & 077) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("others than its owner have access to ", path, ": chmod 600 it"));
  }
  return ReadRegularFile(path);
}

absl::StatusOr<CheckedCredentials> ReadAndCheck(const CredentialFiles& files, CredentialUse use,
                                                absl::Time now) {
  CredentialSet set;
  ASSIGN_OR_RETURN(set.authority, ReadRegularFile(files.authority));
  ASSIGN_OR_RETURN(set.certificate, ReadRegularFile(files.certificate));
  ASSIGN_OR_RETURN(set.key, ReadKey(files.key));
  auto checked = CheckCredentials(set, use, now);
  if (!checked.ok()) return Annotate(checked.status(), files.certificate);
  return checked;
}

void Watch(grpc::experimental::TlsCredentialsOptions& options) {
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
}

}  // namespace

CredentialFiles CredentialFiles::In(const std::string& directory) {
  return {directory + "/authority.pem", directory + "/certificate.pem", directory + "/key.pem"};
}

struct Credentials::Impl {
  Impl(CredentialFiles files_in, CredentialUse use_in, const Clock& clock_in)
      : files(std::move(files_in)), use(use_in), clock(clock_in) {}

  // Constant after Load.
  const CredentialFiles files;
  const CredentialUse use;
  const Clock& clock;
  std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider;
  std::thread thread;

  Mutex mutex;
  CondVar changed;
  bool stop ABSL_GUARDED_BY(mutex) = false;
  MemoryFile authority ABSL_GUARDED_BY(mutex);
  MemoryFile identity ABSL_GUARDED_BY(mutex);  // certificate and key: they change together
  CertificateFacts facts ABSL_GUARDED_BY(mutex);
  std::string in_use ABSL_GUARDED_BY(mutex);    // stamp of the files that are
  std::string doubtful ABSL_GUARDED_BY(mutex);  // stamp of files that were bad at the last look
  absl::Status problem ABSL_GUARDED_BY(mutex);

  absl::Status Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Look(bool written) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Run();
};

absl::Status Credentials::Impl::Take() {
  // Before reading: what is written meanwhile has another stamp and is looked at again.
  const std::string stamp = StampOf(files);
  ASSIGN_OR_RETURN(CheckedCredentials checked, ReadAndCheck(files, use, clock.Now()));
  RETURN_IF_ERROR(authority.Replace(checked.authority));
  RETURN_IF_ERROR(identity.Replace(checked.identity));
  facts = std::move(checked.facts);
  in_use = stamp;
  return absl::OkStatus();
}

void Credentials::Impl::Look(bool written) {
  std::string stamp = StampOf(files);
  if (stamp == in_use) {
    problem = absl::OkStatus();
    doubtful.clear();
    return;
  }
  const std::string serial = facts.serial;
  const absl::Status status = Take();
  if (status.ok()) {
    problem = status;
    if (facts.serial != serial) {
      SPDLOG_INFO("new credentials from {}, serial {}", files.certificate, facts.serial);
    }
    return;
  }
  // Three files are not written at once: what is bad now may be good in a moment. What stays bad is
  // tried again, since a certificate that is not valid yet becomes so.
  const bool settled = written || stamp == doubtful;
  doubtful = std::move(stamp);
  if (!settled || status == problem) return;
  problem = status;
  SPDLOG_WARN("credentials are not replaced, those loaded before stay in use: {}",
              std::string(status.message()));
}

void Credentials::Impl::Run() {
  const MutexLock lock(mutex);
  while (!stop) {
    changed.WaitFor(mutex, kBetweenLooks);
    if (!stop) Look(false);
  }
}

absl::StatusOr<std::shared_ptr<Credentials>> Credentials::Load(const CredentialFiles& files,
                                                               CredentialUse use,
                                                               const Clock& clock) {
  auto impl = std::make_unique<Impl>(files, use, clock);
  std::string authority;
  std::string identity;
  {
    const MutexLock lock(impl->mutex);
    RETURN_IF_ERROR(impl->Take());
    authority = impl->authority.path();
    identity = impl->identity.path();
  }
  impl->provider = std::make_shared<FileWatcherCertificateProvider>(identity, identity, authority,
                                                                    kGrpcLooksEvery);
  impl->thread = std::thread([i = impl.get()] { i->Run(); });
  return std::shared_ptr<Credentials>(new Credentials(std::move(impl)));
}

absl::StatusOr<std::shared_ptr<Credentials>> Credentials::FromPem(const CredentialSet& set,
                                                                  CredentialUse use,
                                                                  const Clock& clock) {
  ASSIGN_OR_RETURN(CheckedCredentials checked, CheckCredentials(set, use, clock.Now()));
  auto impl = std::make_unique<Impl>(CredentialFiles{"", "what was given", ""}, use, clock);
  impl->provider = std::make_shared<StaticDataCertificateProvider>(
      checked.authority,
      std::vector<grpc::experimental::IdentityKeyCertPair>{{checked.identity, checked.identity}});
  {
    const MutexLock lock(impl->mutex);
    impl->facts = std::move(checked.facts);
  }
  return std::shared_ptr<Credentials>(new Credentials(std::move(impl)));
}

Credentials::Credentials(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Credentials::~Credentials() {
  {
    const MutexLock lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.NotifyAll();
  if (impl_->thread.joinable()) impl_->thread.join();
}

absl::Status Credentials::status() const {
  const MutexLock lock(impl_->mutex);
  if (!impl_->problem.ok()) return impl_->problem;
  if (impl_->clock.Now() < impl_->facts.not_after) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      impl_->files.certificate, ": the certificate in use expired at ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", impl_->facts.not_after, absl::UTCTimeZone()),
      ", so that no new connection is accepted"));
}

CertificateFacts Credentials::facts() const {
  const MutexLock lock(impl_->mutex);
  return impl_->facts;
}

void Credentials::Refresh() {
  if (impl_->files.key.empty()) return;
  const MutexLock lock(impl_->mutex);
  impl_->Look(true);
}

std::shared_ptr<grpc::ServerCredentials> Credentials::ForServer(
    ClientCertificate certificate) const {
  CHECK(impl_->use == CredentialUse::kServer);
  grpc::experimental::TlsServerCredentialsOptions options(impl_->provider);
  Watch(options);
  options.set_cert_request_type(certificate == ClientCertificate::kRequired
                                    ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                    : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> Credentials::ForChannel() const {
  CHECK(impl_->use == CredentialUse::kClient);
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(impl_->provider);
  Watch(options);
  return grpc::experimental::TlsCredentials(options);
}

std::string ExplainHandshake(absl::string_view words) {
  if (absl::StrContains(words, "Hostname Verification")) {
    return "what answers there is a server of this authority, but not the one of this pool: its "
           "certificate has another name";
  }
  if (absl::StrContains(words, "certificate verify failed")) {
    return "what answers there is not this pool's coordinator: its certificate is of another "
           "authority, expired or not valid yet by this host's clock, or not made for a server";
  }
  if (absl::StrContains(words, "wrong version number") ||
      absl::StrContains(words, "http request")) {
    return "what answers there speaks no TLS";
  }
  if (absl::StrContains(words, "Socket closed") || absl::StrContains(words, "Connection reset")) {
    return "it ended the connection at once: it does not accept this host's certificate (expired "
           "or not valid yet by its clock, of another pool, or made for another use), or it has "
           "too many connections; its log says which";
  }
  return "";
}

}  // namespace handoff
