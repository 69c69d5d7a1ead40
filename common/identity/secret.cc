#include "common/identity/secret.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/check.h"
#include "common/hash.h"

namespace handoff {

Secret::Secret(absl::string_view bytes) : Secret(OfSize(bytes.size())) {
  if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

Secret Secret::OfSize(size_t size) {
  Secret secret;
  secret.bytes_ = std::make_unique<char[]>(size);
  secret.size_ = size;
  return secret;
}

Secret Secret::Random(size_t size) {
  Secret secret = OfSize(size);
  for (size_t done = 0; done < size;) {
    // Up to 256 bytes come whole.
    const size_t part = std::min<size_t>(size - done, 256);
    CHECK(::getrandom(secret.bytes_.get() + done, part, 0) == static_cast<ssize_t>(part));
    done += part;
  }
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { Wipe(); }

void Secret::Shorten(size_t size) {
  CHECK(size <= size_);
  OPENSSL_cleanse(bytes_.get() + size, size_ - size);
  size_ = size;
}

void Secret::Wipe() {
  if (bytes_ != nullptr) OPENSSL_cleanse(bytes_.get(), size_);
}

std::string HashSecret(const Secret& secret) { return Sha256Hex(secret.Reveal()); }

bool SecretMatches(const Secret& secret, absl::string_view hash) {
  const std::string own = HashSecret(secret);
  return own.size() == hash.size() && CRYPTO_memcmp(own.data(), hash.data(), own.size()) == 0;
}

}  // namespace handoff
