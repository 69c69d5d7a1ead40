// Writes argv[1] bytes of 100-byte lines to stdout in 64 KiB writes: an agent that is faster than
// any real one.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

int main(int argc, char** argv) {
  static char block[65536];
  for (size_t i = 0; i < sizeof(block); ++i)
    block[i] = i % 100 == 99 ? '\n' : static_cast<char>('a' + i % 26);
  long long left = argc > 1 ? std::atoll(argv[1]) : 0;
  while (left > 0) {
    const size_t want =
        left < static_cast<long long>(sizeof(block)) ? static_cast<size_t>(left) : sizeof(block);
    const ssize_t n = ::write(1, block, want);
    if (n < 0) return 1;
    left -= n;
  }
  return 0;
}
