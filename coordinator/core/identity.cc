#include "coordinator/core/identity.h"

#include "common/check.h"

namespace handoff::core {

absl::string_view NameOf(Role role) {
  switch (role) {
    case Role::kAdmin:
      return "admin";
    case Role::kOperator:
      return "operator";
    case Role::kMember:
      return "member";
    case Role::kViewer:
      return "viewer";
    case Role::kCi:
      return "ci";
  }
  CHECK(false);
}

absl::string_view NameOf(TokenPurpose purpose) {
  switch (purpose) {
    case TokenPurpose::kWorker:
      return "worker";
    case TokenPurpose::kLogin:
      return "login";
    case TokenPurpose::kCi:
      return "ci";
  }
  CHECK(false);
}

absl::string_view NameOf(CredentialPurpose purpose) {
  switch (purpose) {
    case CredentialPurpose::kWorker:
      return "worker";
    case CredentialPurpose::kRenewal:
      return "renewal";
    case CredentialPurpose::kUser:
      return "user";
    case CredentialPurpose::kCi:
      return "ci";
    case CredentialPurpose::kBootstrap:
      return "bootstrap";
  }
  CHECK(false);
}

}  // namespace handoff::core
