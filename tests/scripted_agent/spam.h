// Seeded output that no parser likes, the same on every machine: a test makes it again to know what
// an agent wrote. Lines of 1 byte to 8 MB with their newline, short ones more often; NUL, invalid
// UTF-8, control bytes and '\r' in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace handoff::scripted {

class Spam {
 public:
  Spam(uint64_t bytes, uint64_t seed) : left_(bytes), state_(seed) {}

  // The next line with its newline, and its stream: 1 or 2. False at the end. The last line is cut
  // to the byte, and ends with a newline too.
  bool Next(std::string* line, int* stream) {
    if (left_ == 0) return false;
    *stream = 1 + static_cast<int>(Random() & 1);
    // Every order of magnitude up to 2^23 is as likely as the next, but the long ones are rare
    // enough not to be all there is.
    const uint64_t bits = std::min(Random() % 24, Random() % 24);
    uint64_t size = (uint64_t{1} << bits) + Random() % (uint64_t{1} << bits);
    size = std::min({size, left_, uint64_t{8} << 20});
    line->resize(size);
    for (size_t i = 0; i < size; i += 8) {
      uint64_t word = Random();
      for (size_t j = i; j < std::min<size_t>(i + 8, size); ++j, word >>= 8) {
        const char c = static_cast<char>(word & 0xff);
        (*line)[j] = c == '\n' ? '\0' : c;
      }
    }
    line->back() = '\n';
    left_ -= size;
    return true;
  }

 private:
  uint64_t Random() {  // splitmix64
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  uint64_t left_;
  uint64_t state_;
};

}  // namespace handoff::scripted
