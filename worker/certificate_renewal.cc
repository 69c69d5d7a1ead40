#include "worker/certificate_renewal.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

// With hours left nothing hurries, and a thousand workers may want the same.
constexpr Backoff kInTime{absl::Seconds(10), absl::Minutes(10)};
// Without a certificate that is good this worker does nothing: what runs here freezes in the end.
constexpr Backoff kExpired{absl::Seconds(1), absl::Minutes(1)};
// Whoever was told no is told so again.
constexpr Backoff kDenied{absl::Seconds(30), absl::Minutes(30)};
// But the pool's records may be mended, and what runs here waits for that.
constexpr Backoff kNotLetIn{absl::Seconds(5), absl::Minutes(5)};
// Files may be mended and clocks set at any time, and a suspended host has lost the time of a wait.
constexpr absl::Duration kMostWait = absl::Minutes(1);
// Workers that joined together do not renew together: up to this part of the life earlier.
constexpr double kSpread = 0.1;
// With less than this part of its life left a certificate that cannot be renewed is a problem of
// the pool.
constexpr int kLastPart = 4;

absl::Duration LifeOf(const Certificate& certificate) {
  return certificate.not_after() - certificate.not_before();
}

bool IsInTime(const std::optional<Certificate>& certificate, absl::Time now) {
  return certificate && certificate->not_before() <= now && now < certificate->not_after();
}

std::string At(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

}  // namespace

CertificateRenewal::CertificateRenewal(Tools tools, uint64_t seed)
    : tools_(std::move(tools)),
      random_(static_cast<std::minstd_rand::result_type>(seed)),
      jitter_(static_cast<double>(random_() % 1000) / 1000) {}

CertificateRenewal::~CertificateRenewal() { Stop(); }

void CertificateRenewal::Start() {
  thread_ = std::jthread([this] { Run(); });
}

void CertificateRenewal::Stop() {
  stop_.request_stop();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  woken_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void CertificateRenewal::NotLetIn() {
  {
    MutexLock lock(mutex_);
    // The new one is not shown at once; and what is being tried has its pauses.
    const bool fresh = renewed_at_.ns != 0 && tools_.clock.Boot() - renewed_at_ < kMostWait;
    if (fresh || std::exchange(not_let_in_, true)) return;
    at_once_ = true;
  }
  woken_.NotifyAll();
}

bool CertificateRenewal::not_let_in() const {
  MutexLock lock(mutex_);
  return not_let_in_;
}

std::string CertificateRenewal::problem() const {
  MutexLock lock(mutex_);
  return problem_;
}

std::string CertificateRenewal::complaint() const {
  MutexLock lock(mutex_);
  return complaint_;
}

void CertificateRenewal::Run() {
  while (true) {
    const BootTime until = tools_.clock.Boot() + Step();
    MutexLock lock(mutex_);
    while (!stopping_ && !at_once_ && tools_.clock.Boot() < until) {
      woken_.WaitFor(mutex_, until - tools_.clock.Boot());
    }
    if (stopping_) return;
    at_once_ = false;
  }
}

absl::Duration CertificateRenewal::Step() {
  const auto joined = ReadJoined(tools_.directory, tools_.worker_uuid);
  if (!joined.ok()) {
    return Failed(Annotate(joined.status(), "this worker's certificate cannot be renewed"));
  }
  if (IsInTime(joined->certificate, tools_.clock.Now())) {
    in_use_until_ = joined->certificate->not_after();
    life_ = LifeOf(*joined->certificate);
  }
  const auto due = WhatIsDue(*joined);
  if (!due.ok()) return Failed(due.status());
  if (due->wait > absl::ZeroDuration()) {
    Succeeded();
    return std::min(due->wait, kMostWait);
  }
  if (absl::Status renewed = Renew(*joined, *due->with); !renewed.ok()) return Failed(renewed);
  Succeeded();
  {
    MutexLock lock(mutex_);
    not_let_in_ = false;
    renewed_at_ = tools_.clock.Boot();
  }
  if (!joined->damage.ok()) SPDLOG_WARN("{}", std::string(joined->damage.message()));
  SPDLOG_INFO("this worker's certificate was renewed");
  tools_.renewed();
  return kMostWait;
}

absl::StatusOr<CertificateRenewal::Due> CertificateRenewal::WhatIsDue(const Joined& joined) const {
  const absl::Time now = tools_.clock.Now();
  const bool usable = IsInTime(joined.certificate, now), renewable = IsInTime(joined.renewal, now);
  if (usable) {
    const absl::Duration life = LifeOf(*joined.certificate);
    const absl::Duration left =
        joined.certificate->not_before() + life / 2 - life * (kSpread * jitter_) - now;
    if (left > absl::ZeroDuration() && joined.renewal && !not_let_in()) return Due{left, nullptr};
    // Every second try with the other one: the coordinator's clock may see the first as expired.
    const bool other = renewable && failures_ % 2 == 1;
    return Due{absl::ZeroDuration(), other ? &*joined.renewal : &*joined.certificate};
  }
  if (renewable) return Due{absl::ZeroDuration(), &*joined.renewal};
  const auto& last = joined.renewal ? joined.renewal : joined.certificate;
  if (now < last->not_before()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this worker's certificate is not valid before ", At(last->not_before()),
                     ", and this host's clock says ", At(now), ": set the clock"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "this worker's certificates expired at ", At(last->not_after()),
      ", so that it cannot come into its pool any more. Was this host off for long, or is its "
      "clock wrong? Otherwise join as a new worker, with another --data-dir"));
}

absl::Status CertificateRenewal::Renew(const Joined& joined, const Certificate& with) {
  ASSIGN_OR_RETURN(const std::string request, MakeSigningRequest(joined.key));
  ASSIGN_OR_RETURN(Secret key, joined.key.ToPem());
  const ShownIdentity shown{joined.pool.pool_id, joined.authority.ToPem(), with.ToPem(),
                            std::move(key)};
  absl::Status status = absl::UnavailableError("no address of the coordinator is known");
  for (const std::string& address : tools_.coordinators) {
    const auto issued = tools_.client.Renew(address, shown, request, stop_.get_token());
    if (issued.ok()) return Keep(joined, *issued);
    status = Annotate(issued.status(), address);
    const bool away =
        absl::IsUnavailable(issued.status()) || absl::IsDeadlineExceeded(issued.status());
    if (!away) break;
  }
  return Annotate(status, "this worker's certificate was not renewed");
}

// Nothing is replaced by what the daemon would not take.
absl::Status CertificateRenewal::Keep(const Joined& joined, const IssuedPair& issued) {
  const JoinedFiles files(tools_.directory);
  const std::string& pool_id = joined.pool.pool_id;
  const auto check = [&](const std::string& pem, PeerKind kind) -> absl::Status {
    ASSIGN_OR_RETURN(const Certificate certificate, Certificate::FromPem(pem));
    return CheckIssued(certificate, joined.authority, joined.key.public_key(),
                       {pool_id, kind, tools_.worker_uuid});
  };
  RETURN_IF_ERROR(Annotate(check(issued.certificate, PeerKind::kWorker),
                           "the coordinator sent a certificate that is not used"));
  RETURN_IF_ERROR(Annotate(check(issued.renewal, PeerKind::kRenewal),
                           "the coordinator sent a renewal certificate that is not used"));
  // Each by a rename. Killed between them, either of the old and new ones fit together: the pool
  // takes a certificate until the renewal after the next.
  RETURN_IF_ERROR(WritePrivateFile(files.renewal, issued.renewal));
  return WritePrivateFile(files.certificate, issued.certificate);
}

void CertificateRenewal::Succeeded() {
  failures_ = 0;
  MutexLock lock(mutex_);
  if (!complaint_.empty()) SPDLOG_INFO("this worker's certificate is in order again");
  complaint_.clear();
  problem_.clear();
}

absl::Duration CertificateRenewal::Failed(const absl::Status& why) {
  if (absl::IsCancelled(why)) return kMostWait;
  ++failures_;
  const std::string message = OneLine(why.message(), 1000);
  const absl::Duration left = in_use_until_ - tools_.clock.Now();
  {
    MutexLock lock(mutex_);
    if (std::exchange(complaint_, message) != message) SPDLOG_WARN("{}", message);
    problem_ = left < life_ / kLastPart || left <= absl::ZeroDuration() ? message : "";
  }
  const bool denied = absl::IsUnauthenticated(why) || absl::IsPermissionDenied(why);
  const Backoff& refused = not_let_in() ? kNotLetIn : kDenied;
  const Backoff& backoff = denied ? refused : left <= absl::ZeroDuration() ? kExpired : kInTime;
  return backoff.Delay(failures_, static_cast<double>(random_() % 1000) / 1000);
}

}  // namespace handoff::worker
