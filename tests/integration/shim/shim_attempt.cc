#include "tests/integration/shim/shim_attempt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/hash.h"
#include "common/pidfd.h"

namespace handoff {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

size_t Count(absl::string_view text, absl::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

ShimAttempt::ShimAttempt(bool cgroup, std::vector<std::string> argv) {
  // Longer than a socket's address may be.
  dir_ = absl::StrCat(temp_.path(), "/", std::string(120, 'd'));
  EXPECT_TRUE(MakeDirectories(dir_).ok());
  EXPECT_TRUE(WriteFileAtomically(Path("boot"), HostBootId()).ok());
  // The id is part of the cgroup's name, and no name has a slash in it.
  spec.handoff_id = cgroup ? "shim-test" : "no/cgroup";
  spec.attempt = 1;
  spec.epoch = 1;
  marker_ = absl::StrCat("test-", RandomHex(8), "/1");
  spec.argv = std::move(argv);
  for (std::string& argument : spec.argv) {
    if (argument == "MARK") argument = marker_;
  }
  spec.env = CurrentEnvironment();
  spec.env.push_back(absl::StrCat("HANDOFF_ATTEMPT_DIR=", dir_));
  spec.cwd = dir_;
  spec.boot_id = HostBootId();
  spec.lease_deadline_ns = (clock_.Boot() + absl::Hours(1)).ns;
  spec.orphan_timeout_ns = absl::ToInt64Nanoseconds(absl::Hours(1));
}

ShimAttempt::~ShimAttempt() {
  if (const auto text = ReadFile(Path("shim.pid")); text.ok()) {
    if (Fate() == ShimFate::kAlive) KillShim();
    EXPECT_TRUE(EndLeftovers(Started(), dir_).ok());
  }
}

std::vector<std::string> ShimAttempt::Agent(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), HANDOFF_SHIM_AGENT);
  return arguments;
}

void ShimAttempt::Launch() {
  auto launched = ShimClient::Launch(HANDOFF_SHIM, dir_, spec);
  ASSERT_TRUE(launched.ok()) << launched.status();
  client = *std::move(launched);
}

void ShimAttempt::Adopt() {
  client.reset();
  gone_ = false;
  state_.clear();
  auto adopted = ShimClient::Adopt(dir_);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  client = *std::move(adopted);
}

Subprocess ShimAttempt::SpawnShim(bool write_spec) {
  const UniqueFd lock = LockFile(Path("lock")).value();
  if (write_spec) {
    EXPECT_TRUE(WriteFileAtomically(Path("shim.json"), Encode(spec)).ok());
  }
  SpawnOptions options;
  options.argv = {HANDOFF_SHIM, dir_, "3"};
  options.env = spec.env;
  options.fds = {{3, lock.get()}};
  return Subprocess::Spawn(options).value();
}

void ShimAttempt::KillShim() {
  const pid_t pid = static_cast<pid_t>(Started().pid);
  const UniqueFd pidfd = OpenPidfd(pid);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  pollfd ended{pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 60'000), 1);
  if (client) client->Receive();  // reaps it
}

template <typename Done>
bool ShimAttempt::ReceiveUntil(Done done) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!done()) {
    if (gone_ || absl::Now() > deadline) return false;
    pollfd readable{client->fd(), POLLIN, 0};
    ::poll(&readable, 1, 1000);
    for (const ShimClient::Event& event : client->Receive()) {
      if (const auto* change = std::get_if<ShimClient::StateChanged>(&event))
        state_ = change->state;
      if (std::holds_alternative<ShimClient::Gone>(event)) gone_ = true;
    }
  }
  return true;
}

void ShimAttempt::WaitForState(const std::string& state) {
  EXPECT_TRUE(ReceiveUntil([&] { return state_ == state; }))
      << "waited for " << state << ", it is " << state_ << (gone_ ? ", gone" : "");
}

void ShimAttempt::WaitForLog(const std::string& text, size_t times) {
  EXPECT_TRUE(ReceiveUntil([&] { return Count(Log(), text) >= times; }))
      << "waited for " << text << (gone_ ? ", gone" : "");
}

ShimExit ShimAttempt::WaitForExit() {
  EXPECT_TRUE(ReceiveUntil([&] { return gone_; })) << "the shim does not end";
  const auto text = ReadFile(Path("exit.json"));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? DecodeShimExit(*text).value() : ShimExit{};
}

std::string ShimAttempt::Log() const {
  return ReadFile(Path("log"), uint64_t{1} << 30).value_or("");
}

std::vector<IndexRecord> ShimAttempt::Index() const {
  const std::string bytes = ReadFile(Path("idx")).value();
  std::vector<IndexRecord> records(bytes.size() / sizeof(IndexRecord));
  bytes.copy(reinterpret_cast<char*>(records.data()), records.size() * sizeof(IndexRecord));
  return records;
}

std::string ShimAttempt::Stream(uint32_t stream) const {
  const std::string log = Log();
  std::string out;
  for (const IndexRecord& record : Index()) {
    if (record.stream == stream) out.append(log, record.offset, record.length);
  }
  return out;
}

ShimStarted ShimAttempt::Started() const {
  return DecodeShimStarted(ReadFile(Path("shim.pid")).value()).value();
}

std::vector<ProcessInfo> ShimAttempt::Processes() const {
  std::vector<ProcessInfo> found;
  const pid_t shim = static_cast<pid_t>(Started().pid);
  for (const ProcessInfo& p : AllProcesses()) {
    if (p.dead() || p.pid == ::getpid() || p.pid == shim) continue;
    const auto arguments = ReadFile(absl::StrCat("/proc/", p.pid, "/cmdline"));
    const auto is_ours = [this](absl::string_view entry) {
      return entry == absl::StrCat("HANDOFF_ATTEMPT_DIR=", dir_);
    };
    if (HasEnvironment(p, is_ours).value_or(false) ||
        (arguments.ok() && absl::StrContains(*arguments, marker_))) {
      found.push_back(p);
    }
  }
  return found;
}

bool ShimAttempt::CgroupExists() const {
  const std::string cgroup = Started().cgroup;
  return !cgroup.empty() && PathExists(cgroup);
}

}  // namespace handoff
