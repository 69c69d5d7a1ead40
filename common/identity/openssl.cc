#include "common/identity/openssl.h"

#include <openssl/err.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace handoff {

OpenSslErrors::OpenSslErrors() { ERR_set_mark(); }
OpenSslErrors::~OpenSslErrors() { ERR_pop_to_mark(); }

absl::Status OpenSslErrors::ToStatus(absl::string_view what) const {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return absl::InternalError(absl::StrCat(what, ": ", reason ? reason : "OpenSSL gave no reason"));
}

BioHandle ReadBio(absl::string_view text) {
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool IsOnePem(absl::string_view text, absl::string_view label) {
  const size_t at = text.find("-----BEGIN ");
  return at != absl::string_view::npos &&
         absl::StartsWith(text.substr(at), absl::StrCat("-----BEGIN ", label, "-----")) &&
         text.find("-----BEGIN ", at + 1) == absl::string_view::npos;
}

absl::string_view BioText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? absl::string_view(data, static_cast<size_t>(size)) : absl::string_view();
}

}  // namespace handoff
