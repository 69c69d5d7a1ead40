#include "common/hash.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "common/check.h"

namespace handoff {

struct Sha256::Context {
  Context() : md(EVP_MD_CTX_new()) { CHECK(md != nullptr); }
  ~Context() { EVP_MD_CTX_free(md); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  EVP_MD_CTX* md;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  CHECK(EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(absl::string_view data) {
  CHECK(EVP_DigestUpdate(context_->md, data.data(), data.size()) == 1);
}

std::string Sha256::Hex() const {
  Context copy;
  CHECK(EVP_MD_CTX_copy_ex(copy.md, context_->md) == 1);
  unsigned char digest[32];
  unsigned int length = 0;
  CHECK(EVP_DigestFinal_ex(copy.md, digest, &length) == 1 && length == sizeof(digest));
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), length));
}

std::string Sha256Hex(absl::string_view data) {
  Sha256 hash;
  hash.Update(data);
  return hash.Hex();
}

bool IsSha256Hex(absl::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

std::string RandomHex(size_t bytes) {
  std::string raw(bytes, '\0');
  CHECK(::getrandom(raw.data(), raw.size(), 0) == static_cast<ssize_t>(bytes));
  return absl::BytesToHexString(raw);
}

}  // namespace handoff
