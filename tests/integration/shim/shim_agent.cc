// A scripted agent for the shim's tests.
//
//   noise SEED BYTES   Noise(SEED) on stdout and Noise(SEED + 1) on stderr, BYTES each, at once
//   stubborn N MARK    N children and as many grandchildren that never end, then never ends itself
//   leaves N MARK      the same, but exits with 4 as soon as they are started
//   hold MARK [more]   says "hold", ignores SIGTERM, never ends; a session of its own
//   spin FILE          counts up in the first 8 bytes of FILE for ever
//   endless            says "y" for ever
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "common/check.h"
#include "common/file.h"
#include "common/subprocess.h"
#include "tests/integration/shim/noise.h"

namespace handoff {
namespace {

void WriteNoise(int fd, uint64_t seed, uint64_t bytes) {
  Noise noise(seed, bytes);
  Noise writes(seed + 1000, UINT64_MAX);
  std::string line;
  while (noise.Next(&line)) {
    for (size_t at = 0; at < line.size();) {
      const size_t size = std::min(writes.NextWrite(), line.size() - at);
      CHECK(WriteAll(fd, absl::string_view(line).substr(at, size)).ok());
      at += size;
    }
  }
}

int MakeNoise(uint64_t seed, uint64_t bytes) {
  std::thread out([&] { WriteNoise(1, seed, bytes); });
  std::thread err([&] { WriteNoise(2, seed + 1, bytes); });
  out.join();
  err.join();
  return 0;
}

// In a session of its own, holding our output. Every other one has an empty environment.
void StartHolder(const std::string& mark, bool more, bool with_environment) {
  SpawnOptions options;
  options.argv = {"/proc/self/exe", "hold", mark};
  if (more) options.argv.push_back("more");
  if (with_environment) options.env = CurrentEnvironment();
  options.fds = {{1, 1}, {2, 2}};
  CHECK(Subprocess::Spawn(options).value().Release() > 0);
}

int Hold(const std::string& mark, bool more) {
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  if (more) StartHolder(mark, false, true);
  CHECK(WriteAll(1, "hold\n").ok());
  while (true) ::pause();
}

int Spin(const char* path) {
  const int fd = ::open(path, O_RDWR);
  CHECK(fd >= 0);
  void* memory = ::mmap(nullptr, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(memory != MAP_FAILED);
  auto* counter = static_cast<std::atomic<uint64_t>*>(memory);
  CHECK(WriteAll(1, "spinning\n").ok());
  while (true) counter->fetch_add(1);
}

int Main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "noise")
    return MakeNoise(std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10));
  if (mode == "hold") return Hold(argv[2], argc > 3);
  if (mode == "spin") return Spin(argv[2]);
  if (mode == "stubborn" || mode == "leaves") {
    for (int i = 0; i < std::atoi(argv[2]); ++i) StartHolder(argv[3], true, i % 2 == 0);
    if (mode == "leaves") return 4;
    ::signal(SIGTERM, SIG_IGN);
    CHECK(WriteAll(1, "hold\n").ok());
    while (true) ::pause();
  }
  if (mode == "endless") {
    while (WriteAll(1, "y\n").ok()) {
    }
  }
  return 2;
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) { return handoff::Main(argc, argv); }
