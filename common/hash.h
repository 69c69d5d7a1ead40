// SHA-256, incremental and whole.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(absl::string_view data);
  // Lower-case hex of everything so far; more may be added afterwards.
  std::string Hex() const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(absl::string_view data);
bool IsSha256Hex(absl::string_view text);
// `bytes` random bytes from the kernel in lower-case hex.
std::string RandomHex(size_t bytes);

}  // namespace handoff
