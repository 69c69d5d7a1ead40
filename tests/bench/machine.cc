#include "tests/bench/machine.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/subprocess.h"

namespace handoff::bench {
namespace {

double Seconds(BootTime from) { return absl::ToDoubleSeconds(RealClock().Boot() - from); }

Subprocess SpawnOne(const std::string& program) {
  SpawnOptions options;
  options.argv = {program};
  auto child = Subprocess::Spawn(options);
  CHECK(child.ok());
  return *std::move(child);
}

double SpawnRate(const std::string& program, int in_flight, int total) {
  const BootTime start = RealClock().Boot();
  std::vector<Subprocess> running;
  int started = 0, ended = 0;
  while (ended < total) {
    while (started < total && static_cast<int>(running.size()) < in_flight) {
      running.push_back(SpawnOne(program));
      ++started;
    }
    std::vector<pollfd> polls;
    for (const Subprocess& child : running) polls.push_back({child.pidfd(), POLLIN, 0});
    CHECK(::poll(polls.data(), polls.size(), -1) > 0);
    for (size_t i = polls.size(); i-- > 0;) {
      if (polls[i].revents == 0) continue;
      CHECK(running[i].Wait().ok());
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      ++ended;
    }
  }
  return total / Seconds(start);
}

}  // namespace

Percentiles PercentilesOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[std::min(
        values.size() - 1,
        static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())) - 1))];
  };
  return {at(0.50), at(0.99)};
}

MachineLimits MeasureMachine(const std::string& directory, const std::string& program) {
  MachineLimits limits;
  auto file = OpenFile(directory + "/sync-probe", O_WRONLY | O_CREAT | O_TRUNC);
  CHECK(file.ok());
  std::vector<double> syncs;
  const std::string page(4096, 'x');
  for (int i = 0; i < 500; ++i) {
    const BootTime start = RealClock().Boot();
    CHECK(WriteAll(file->get(), page).ok() && SyncData(file->get()).ok());
    syncs.push_back(Seconds(start) * 1e6);
  }
  limits.fdatasync_us = PercentilesOf(syncs);
  const std::string mebibyte(1 << 20, 'x');
  const BootTime start = RealClock().Boot();
  for (int i = 0; i < 256; ++i)
    CHECK(WriteAll(file->get(), mebibyte).ok() && SyncData(file->get()).ok());
  limits.append_sync_mb_s = 256 * 1.048576 / Seconds(start);
  ::unlink((directory + "/sync-probe").c_str());
  limits.spawn_one_per_s = SpawnRate(program, 1, 500);
  limits.spawn_two_per_s = SpawnRate(program, 2, 1000);
  return limits;
}

CpuSeconds CpuOf(int pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  CHECK(stat.ok());
  // Fields after the command, which may hold spaces: state is field 3.
  const std::vector<std::string> fields = absl::StrSplit(stat->substr(stat->rfind(')') + 2), ' ');
  const auto ticks = [&](size_t field) {
    double value = 0;
    CHECK(absl::SimpleAtod(fields.at(field - 3), &value));
    return value / static_cast<double>(::sysconf(_SC_CLK_TCK));
  };
  return {ticks(14) + ticks(15), ticks(16) + ticks(17)};
}

}  // namespace handoff::bench
