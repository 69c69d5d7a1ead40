// Bytes that nobody may see: wiped when they are let go, neither copied nor printed nor compared by
// accident.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

class Secret {
 public:
  Secret() = default;
  explicit Secret(absl::string_view bytes);
  // Zeros, to be written through bytes().
  static Secret OfSize(size_t size);
  // From the kernel.
  static Secret Random(size_t size);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  Secret Copy() const { return Secret(Reveal()); }
  // The one way to the bytes. Whoever calls it answers for where they go.
  absl::string_view Reveal() const& { return {bytes_.get(), size_}; }
  absl::string_view Reveal() && = delete;
  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(bytes_.get()); }
  // Only fewer bytes than there are; the others are wiped.
  void Shorten(size_t size);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Wipe();
  // Not a string: a short one would stay inside of what it was moved from.
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
};

std::ostream& operator<<(std::ostream&, const Secret&) = delete;
bool operator==(const Secret&, const Secret&) = delete;

// What may be stored of a random secret: its SHA-256 in lower-case hex. Not for passwords.
std::string HashSecret(const Secret& secret);
// Whether `hash` is of this secret; takes as long for one that is wrong at its first digit as for
// one that is wrong at its last.
bool SecretMatches(const Secret& secret, absl::string_view hash);

}  // namespace handoff
