// The output of the scripted agent "noise": the same bytes for the same seed, so that the test can
// say what should be in the log. Lines of 1 byte to 8 MB of any bytes, NUL and invalid UTF-8
// included; the last one has no newline.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

namespace handoff {

class Noise {
 public:
  Noise(uint64_t seed, uint64_t total_bytes) : random_(seed), left_(total_bytes) {}

  // False when there is no more.
  bool Next(std::string* line) {
    if (left_ == 0) return false;
    uint64_t size = 1 + random_() % 200;
    if (random_() % 64 == 0) size = 1 + random_() % (uint64_t{1} << (random_() % 24));
    size = std::min(size, left_);
    left_ -= size;
    line->resize(size);
    for (size_t i = 0; i < size; i += 8) {
      const uint64_t word = random_();
      std::memcpy(line->data() + i, &word, std::min<size_t>(8, size - i));
    }
    for (char& c : *line) c = c == '\n' ? '\0' : c;
    line->back() = left_ > 0 ? '\n' : '.';
    return true;
  }
  // In how many bytes at once the next write goes out.
  size_t NextWrite() { return 1 + random_() % (size_t{1} << (8 + random_() % 11)); }

 private:
  std::mt19937_64 random_;
  uint64_t left_;
};

}  // namespace handoff
