// A pool's authority at a fixed time, and the openssl command to hold our certificates against.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "common/identity/authority.h"
#include "common/identity/key.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {

inline constexpr char kPool[] = "0123456789abcdef0123456789abcdef";
inline constexpr char kOtherPool[] = "f00df00df00df00df00df00df00df00d";
inline constexpr char kWorkerUuid[] = "5d9a1c1e-4a43-4f3b-9d53-0a6a3d2f7b10";

// Of this pool, made once: nothing changes it.
inline const Authority& PoolAuthorityForTest() {
  static const auto* const authority = new Authority(*MakeAuthority(kPool, absl::Now()));
  return *authority;
}
inline PeerName WorkerName() { return {kPool, PeerKind::kWorker, kWorkerUuid}; }

inline Certificate IssueForTest(const PeerName& peer, const PrivateKey& key,
                                absl::Time not_before = absl::Now(),
                                absl::Duration life = absl::Hours(24)) {
  return *Issue(PoolAuthorityForTest(), key.public_key(),
                {.peer = peer, .not_before = not_before, .not_after = not_before + life});
}

MATCHER_P2(Refuses, code, words, "") {
  const absl::Status& status = arg;
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Value(std::string(status.message()), ::testing::HasSubstr(std::string(words)));
}

// The openssl command in a directory of its own.
class OpenSslCommand {
 public:
  OpenSslCommand() : dir_(*TempDir::Make("openssl-")) {}
  static bool IsThere() { return FindInPath("openssl", "/usr/local/bin:/usr/bin:/bin").ok(); }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  void Write(const std::string& name, absl::string_view content) const {
    ASSERT_TRUE(WriteFileAtomically(Path(name), content).ok());
  }
  std::string Read(const std::string& name) const { return ReadFile(Path(name)).value_or(""); }

  // What it says on both outputs; `ok` gets whether it ended well.
  std::string Try(std::vector<std::string> arguments, bool* ok) const {
    arguments.insert(arguments.begin(), "openssl");
    SpawnOptions options;
    options.argv = std::move(arguments);
    options.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"};
    options.cwd = dir_.path();
    const auto result = RunProcess(std::move(options), "", absl::Seconds(60));
    *ok = result.ok() && result->status.ok();
    return result.ok() ? absl::StrCat(result->out, result->err) : result.status().ToString();
  }
  std::string Run(std::vector<std::string> arguments) const {
    bool ok = false;
    std::string said = Try(std::move(arguments), &ok);
    EXPECT_TRUE(ok) << said;
    return said;
  }

 private:
  TempDir dir_;
};

}  // namespace handoff
