#include "common/identity/base64.h"

#include <sodium.h>

namespace handoff {
namespace {

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

Secret ToBase64Url(absl::string_view bytes) {
  const size_t room = sodium_base64_encoded_len(bytes.size(), kVariant);  // with its final NUL
  Secret text = Secret::OfSize(room);
  sodium_bin2base64(reinterpret_cast<char*>(text.bytes()), room,
                    reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), kVariant);
  text.Shorten(room - 1);
  return text;
}

std::optional<Secret> FromBase64Url(absl::string_view text) {
  Secret bytes = Secret::OfSize(text.size() / 4 * 3 + 3);
  size_t size = 0;
  if (sodium_base642bin(bytes.bytes(), bytes.size(), text.data(), text.size(), /*ignore=*/nullptr,
                        &size, /*b64_end=*/nullptr, kVariant) != 0) {
    return std::nullopt;
  }
  bytes.Shorten(size);
  // libsodium 1.0.18 takes some bytes above 127 for letters.
  const Secret again = ToBase64Url(bytes.Reveal());
  if (again.Reveal() != text) return std::nullopt;
  return bytes;
}

}  // namespace handoff
