#include "coordinator/core/issue.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

constexpr size_t kMaxSerialDigits = 40;  // 20 bytes, as RFC 5280 has it

bool IsSerial(const std::string& text) {
  return !text.empty() && text.size() <= kMaxSerialDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

absl::Duration LifeOf(CredentialPurpose purpose) {
  switch (purpose) {
    case CredentialPurpose::kWorker:
      return kWorkerLife;
    case CredentialPurpose::kRenewal:
      return kRenewalLife;
    case CredentialPurpose::kUser:
      return kUserLife;
    case CredentialPurpose::kCi:         // as long as the token says
    case CredentialPurpose::kBootstrap:  // not kept here
      break;
  }
  CHECK(false);
}

}  // namespace

absl::Time EndOfLife(CredentialPurpose purpose, absl::Time now) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(now + LifeOf(purpose)));
}

absl::Status CheckSerials(const State& state, bool of_worker, const std::string& serial,
                          const std::string& renewal_serial) {
  const IdentityRecords& identity = state.identity();
  const bool valid = IsSerial(serial) && identity.FindCredential(serial) == nullptr;
  const bool renewal_valid = !of_worker || (IsSerial(renewal_serial) && renewal_serial != serial &&
                                            identity.FindCredential(renewal_serial) == nullptr);
  if (valid && renewal_valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the serial of the certificate to be made is not one, or another has it. Nothing was done; "
      "try again.");
}

Credential RenewalFor(const Credential& credential, const std::string& serial) {
  Credential renewal = credential;
  renewal.serial = serial;
  renewal.purpose = CredentialPurpose::kRenewal;
  renewal.not_after = EndOfLife(CredentialPurpose::kRenewal, credential.issued_at);
  return renewal;
}

std::string DescribeCredential(const Credential& credential) {
  return absl::StrCat(NameOf(credential.purpose), " credential ", credential.serial, " for ",
                      credential.subject,
                      credential.device.empty() ? "" : absl::StrCat(" (", credential.device, ")"),
                      " until ", TimeText(credential.not_after));
}

}  // namespace handoff::core
