// The built command against a coordinator that fails where the test says so.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_coordinator.h"
#include "tests/fakes/fake_identity.h"

namespace handoff {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Said {
  int exit = -1;
  std::string out, err;
};

// Until all who write have closed it.
inline std::string ReadToEnd(int fd) {
  std::string text;
  char bytes[4096];
  ssize_t n = 0;
  while ((n = ::read(fd, bytes, sizeof(bytes))) > 0) text.append(bytes, static_cast<size_t>(n));
  return text;
}

class Command : public ::testing::Test {
 protected:
  Command() : dir_(*TempDir::Make("handoff-command-")) {
    identity_.SetAddress(coordinator_.address());
  }

  SpawnOptions Options(const std::vector<std::string>& arguments) const {
    SpawnOptions options;
    options.argv = {absl::StrCat(HANDOFF_BIN_DIR, "/handoff")};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = {absl::StrCat("HOME=", dir_.path()),
                   "PATH=/usr/bin:/bin",
                   "USER=alice",
                   absl::StrCat("TMPDIR=", dir_.path()),
                   absl::StrCat("HANDOFF_CREDENTIALS=", authority_.UserDirectory("alice")),
                   absl::StrCat("HANDOFF_COORDINATOR=", coordinator_.address())};
    // What libgit2 leaks is known to the sanitizer by this only.
    if (const char* const known = std::getenv("LSAN_OPTIONS")) {
      options.env.insert(options.env.begin(), absl::StrCat("LSAN_OPTIONS=", known));
    }
    options.cwd = dir_.path();
    return options;
  }
  // Without an address and a credential.
  SpawnOptions OptionsOfStranger(const std::vector<std::string>& arguments) const {
    SpawnOptions options = Options(arguments);
    options.env.erase(
        std::remove_if(options.env.begin(), options.env.end(),
                       [](const std::string& entry) { return entry.find("HANDOFF_") == 0; }),
        options.env.end());
    return options;
  }
  Said Run(const std::vector<std::string>& arguments, const std::string& input = "") const {
    const auto result = RunProcess(Options(arguments), input, absl::Minutes(1));
    CHECK(result.ok());
    EXPECT_FALSE(result->timed_out);
    return {result->status.signal != 0 ? -result->status.signal : result->status.code, result->out,
            result->err};
  }
  void Add(const std::string& id, v1::Handoff::Status status,
           v1::Failure::Class failure = v1::Failure::NONE) {
    v1::Handoff handoff;
    handoff.set_id(id);
    handoff.set_status(status);
    handoff.set_failure(failure);
    handoff.set_agent("command");
    handoff.set_owner("alice");
    handoff.add_attempts()->set_number(1);
    const bool live = status == v1::Handoff::RUNNING || status == v1::Handoff::QUEUED;
    handoff.mutable_attempts(0)->set_state(live ? v1::Attempt::RUNNING : v1::Attempt::SUCCEEDED);
    coordinator_.Set(handoff);
  }

  void AddIn(const std::string& id, const std::string& repo, int64_t created) {
    v1::Handoff handoff;
    handoff.set_id(id);
    handoff.set_status(v1::Handoff::QUEUED);
    handoff.set_owner("alice");
    handoff.set_repo(repo);
    handoff.mutable_created_at()->set_seconds(created);
    coordinator_.Set(handoff);
  }
  std::string Git(const std::vector<std::string>& arguments) const {
    SpawnOptions options = Options({});
    options.argv = {"git"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    EXPECT_EQ(result->status.code, 0) << result->err;
    return result->out;
  }
  // Where the command runs.
  void MakeRepository(const std::string& origin) const {
    Git({"init", "-q", "-b", "main"});
    Git({"remote", "add", "origin", origin});
    CHECK(WriteFileAtomically(dir_.path() + "/.git/info/exclude", "handoff-*\n").ok());
  }
  void CommitFile() const {
    CHECK(WriteFileAtomically(dir_.path() + "/a", "content\n").ok());
    Git({"add", "a"});
    Git({"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first"});
  }

  // Directories that the command left where it puts temporary ones.
  std::vector<std::string> LeftInTemp() const {
    std::vector<std::string> left;
    const auto names = ListDirectory(dir_.path());
    CHECK(names.ok());
    for (const std::string& name : *names) {
      if (name.find("handoff-") == 0) left.push_back(name);
    }
    return left;
  }

  TempDir dir_;
  FakeAuthority authority_;
  FakeIdentity identity_{authority_};
  FakeCoordinator coordinator_{authority_, {&identity_}};
};

}  // namespace handoff
