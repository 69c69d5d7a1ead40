#include "coordinator/made_pool.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHereOnly[] = "Nobody but this host gets to";

CommandLine Parsed(std::vector<const char*> args) {
  args.insert(args.begin(), "handoff-coordinator");
  const auto parsed = ParseFlags(static_cast<int>(args.size()), args.data());
  EXPECT_TRUE(std::holds_alternative<CommandLine>(parsed));
  return std::get<CommandLine>(parsed);
}

// Where a relative path leads from here.
std::string Here(const std::string& path) {
  return (std::filesystem::current_path() / path).string();
}

TEST(MadePool, TheCommandThatStartsItIsGoodAnywhere) {
  const std::string text =
      DescribeMadePool(Parsed({"--data-dir", "my pool", "--listen", "0.0.0.0:7433", "--advertise",
                               "a:1", "--advertise", "b:2", "--log-level", "debug", "init"}),
                       {"a:1", "b:2"});
  EXPECT_THAT(text, AllOf(HasSubstr(absl::StrCat(
                              "\n  handoff-coordinator --data-dir ", ShellQuote(Here("my pool")),
                              " --listen 0.0.0.0:7433 --advertise a:1 --advertise b:2 "
                              "--log-level debug\n")),
                          HasSubstr(absl::StrCat("\n  export HANDOFF_CREDENTIALS=",
                                                 ShellQuote(Here("my pool/identity/local")), "\n")),
                          Not(HasSubstr(kHereOnly))));
}

// Without it there would be no quotas, no socket and no notifications.
TEST(MadePool, TheFileThatItWasMadeWithIsNamed) {
  const TempDir dir = *TempDir::Make("made pool-");
  const std::string file = dir.path() + "/coordinator.toml";
  ASSERT_TRUE(WriteFileAtomically(file,
                                  "data_dir = '/srv/pool'\nlisten = '10.0.0.5:1'\n"
                                  "advertise = 'pool:2'\n")
                  .ok());
  EXPECT_THAT(DescribeMadePool(Parsed({"--config", file.c_str(), "init"}), {"pool:2"}),
              AllOf(HasSubstr(absl::StrCat("handoff-coordinator --data-dir /srv/pool --config ",
                                           ShellQuote(file), "\n")),
                    HasSubstr("HANDOFF_CREDENTIALS=/srv/pool/identity/local\n")));
  EXPECT_THAT(DescribeMadePool(Parsed({"--config", file.c_str(), "--listen", "10.0.0.6:1", "init"}),
                               {"pool:2"}),
              HasSubstr(absl::StrCat("--config ", ShellQuote(file), " --listen 10.0.0.6:1\n")));
}

TEST(MadePool, AnAddressThatLeadsHereOnlyIsSaidToBeNoGoodElsewhere) {
  const CommandLine plain = Parsed({"--data-dir", "d", "init"});
  EXPECT_THAT(DescribeMadePool(plain, {"127.0.0.1:7433"}),
              AllOf(HasSubstr(absl::StrCat(kHereOnly, " 127.0.0.1:7433.")), HasSubstr("ssh -L"),
                    HasSubstr("--listen 0.0.0.0:7433"), HasSubstr("--advertise HOST:PORT")));
  EXPECT_THAT(DescribeMadePool(plain, {"unix:/run/x"}), HasSubstr(kHereOnly));
  EXPECT_THAT(DescribeMadePool(plain, {"build-1:7433"}), Not(HasSubstr(kHereOnly)));
  EXPECT_THAT(DescribeMadePool(plain, {"localhost:1", "build-1:7433"}), Not(HasSubstr(kHereOnly)));
  // Who says so means it: a tunnel ends there, say.
  EXPECT_THAT(DescribeMadePool(Parsed({"--data-dir", "d", "--advertise", "127.0.0.1:9", "init"}),
                               {"127.0.0.1:9"}),
              Not(HasSubstr(kHereOnly)));
}

}  // namespace
}  // namespace handoff
