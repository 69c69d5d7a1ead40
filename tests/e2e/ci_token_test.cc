// A pipeline with nothing but HANDOFF_TOKEN: what it may, what it may not, and where the token is
// never seen.

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CiToken : public ::testing::Test {
 protected:
  CiToken() {
    pool_.StartCoordinator();
    pool_.Join("a", {"--shared"});
    pool_.StartWorker("a", 2);
    CHECK(MakeDirectories(home_).ok());
    pool_.MakeRepository("allowed");
    pool_.MakeRepository("other");
    // As a pipeline has it.
    pool_.Git(pool_.dir(), {"clone", "-q", pool_.path("allowed"), checkout_});
    const CommandResult made =
        pool_.Handoff({"token", "create", "--role", "ci", "--repo", pool_.path("allowed"), "--ttl",
                       "1h", "--name", "build"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    token_ = std::string(absl::StripAsciiWhitespace(made.out));
  }

  SpawnOptions Options(const std::vector<std::string>& args) const {
    SpawnOptions options;
    options.argv = {Program("handoff")};
    options.argv.insert(options.argv.end(), args.begin(), args.end());
    options.env = {"PATH=/usr/bin:/bin", "HOME=" + home_, "HANDOFF_TOKEN=" + token_};
    for (const char* name : {"LSAN_OPTIONS", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = ::getenv(name)) options.env.push_back(absl::StrCat(name, "=", value));
    }
    options.cwd = checkout_;
    return options;
  }
  CommandResult Ci(const std::vector<std::string>& args) const {
    const auto result = RunProcess(Options(args), "", absl::Minutes(2));
    CHECK(result.ok());
    EXPECT_FALSE(result->timed_out);
    return {result->status.code, result->out, result->err};
  }
  std::string CiSubmit(const std::vector<std::string>& args) const {
    std::vector<std::string> all = {"submit"};
    all.insert(all.end(), args.begin(), args.end());
    const CommandResult submitted = Ci(all);
    EXPECT_EQ(submitted.exit_code, 0) << submitted.err;
    return std::string(absl::StripAsciiWhitespace(submitted.out));
  }
  // A part of it that nothing else has.
  std::string Mark() const { return token_.substr(200, 60); }
  std::string TokenId() const {
    const std::string list = pool_.Handoff({"token", "list", "--json"}).out;
    for (const absl::string_view line : absl::StrSplit(list, '\n', absl::SkipEmpty())) {
      const auto token = nlohmann::json::parse(line);
      if (token.value("purpose", "") == "CI") return token.at("id");
    }
    return "";
  }
  // Files below the pool's directory that have it in them.
  std::vector<std::string> FilesWithIt() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(pool_.dir())) {
      std::error_code gone;
      if (!entry.is_regular_file(gone)) continue;
      const auto text = ReadFile(entry.path(), 256 << 20);
      if (text.ok() && absl::StrContains(*text, Mark())) found.push_back(entry.path());
    }
    return found;
  }
  // Processes whose arguments everybody on the host could read it in.
  std::vector<std::string> ProcessesWithIt() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto text = ReadFile(entry.path().string() + "/cmdline");
      if (text.ok() && absl::StrContains(*text, Mark())) found.push_back(entry.path());
    }
    return found;
  }

  Pool pool_;
  const std::string home_ = pool_.path("empty"), checkout_ = pool_.path("checkout");
  std::string token_;
};

TEST_F(CiToken, IsAllThatAPipelineNeedsAndIsSeenNowhere) {
  ASSERT_GT(token_.size(), 400u);
  const std::string id =
      CiSubmit({"--agent", "command", "--wait",
                "env; cat /proc/$PPID/environ; cat /proc/self/cmdline; cat README.md"});
  const CommandResult log = Ci({"logs", id, "--raw"});
  EXPECT_EQ(log.exit_code, 0) << log.err;
  EXPECT_THAT(log.out, HasSubstr("HANDOFF_ID=" + id)) << "it is the environment of the agent";
  EXPECT_THAT(log.out, HasSubstr("# A repository"));
  EXPECT_THAT(log.out, Not(HasSubstr("HANDOFF_TOKEN")));
  EXPECT_EQ(Ci({"show", id}).exit_code, 0);
  EXPECT_EQ(Ci({"wait", id}).exit_code, 0);
  EXPECT_THAT(pool_.Handoff({"show", id, "--json"}).out, HasSubstr("\"owner\":\"ci/build\""));
  EXPECT_THAT(FilesWithIt(), IsEmpty());
  EXPECT_THAT(*ListDirectory(home_), IsEmpty());
}

// With the agent that is a program of its own, whose environment the worker makes.
TEST_F(CiToken, IsNotInTheEnvironmentOfAnAgent) {
  const std::string id =
      CiSubmit({"--wait", Pool::Script({"tool shell env >seen.txt", "result ok Done"})});
  EXPECT_EQ(pool_.Handoff({"fetch", id}, checkout_).exit_code, 0);
  const std::string seen =
      pool_.Git(checkout_, {"show", absl::StrCat("handoff/", id, ":seen.txt")});
  EXPECT_THAT(seen, HasSubstr("HANDOFF_ID=" + id));
  EXPECT_THAT(seen, Not(HasSubstr("HANDOFF_TOKEN")));
  EXPECT_THAT(FilesWithIt(), IsEmpty());
}

TEST_F(CiToken, IsForItsRepositoriesAlone) {
  const CommandResult other = Ci({"submit", "--agent", "command", "--repo", pool_.path("other"),
                                  "--ref", "main", "--", "/bin/true"});
  EXPECT_EQ(other.exit_code, 5) << other.err;
  EXPECT_THAT(other.err, HasSubstr(pool_.path("other")));
  EXPECT_THAT(pool_.Handoff({"list", "--all", "--json"}).out, IsEmpty());
}

TEST_F(CiToken, ReachesWhatItSubmittedAndNothingElse) {
  Gate gate(pool_.path("gate"));
  const std::string others = pool_.Submit({"--agent", "command", absl::StrCat("cat ", gate.path())},
                                          pool_.path("allowed"));
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"show", others},
                                             {"logs", others},
                                             {"cancel", others},
                                             {"send", others, "more"},
                                             {"why", others},
                                             {"wait", others},
                                             {"show", "--md", others}}) {
    const CommandResult said = Ci(args);
    EXPECT_EQ(said.exit_code, 3) << args[0] << ": " << said.err;
  }
  EXPECT_THAT(Ci({"list", "--all"}).out, Not(HasSubstr(others)));
  Gate begun(pool_.path("begun")), mine(pool_.path("mine"));
  const std::string id =
      CiSubmit({Pool::Script({absl::StrCat("tell ", begun.path(), " begun"),
                              absl::StrCat("wait ", mine.path()), "result ok"})});
  begun.Await();
  EXPECT_THAT(Ci({"list", "--all"}).out, HasSubstr(id));
  EXPECT_EQ(Ci({"send", id, "and then that"}).exit_code, 0);
  EXPECT_EQ(Ci({"cancel", id}).exit_code, 0);
  EXPECT_EQ(Ci({"wait", id}).exit_code, 7);
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"resume", id},
                                             {"worker", "list"},
                                             {"user", "list"},
                                             {"token", "list"},
                                             {"worker", "invite"},
                                             {"audit"},
                                             {"login", "--link"}}) {
    EXPECT_EQ(Ci(args).exit_code, 5) << args[0];
  }
  gate.Open();
  EXPECT_EQ(pool_.Handoff({"wait", others}).exit_code, 0) << "nobody cancelled it";
}

TEST_F(CiToken, IsRefusedAtOnceWhenItIsRevoked) {
  Gate begun(pool_.path("begun")), gate(pool_.path("gate"));
  const std::string id =
      CiSubmit({"--agent", "command",
                absl::StrCat("echo first; echo >", begun.path(), "; cat ", gate.path())});
  begun.Await();
  SpawnOptions options = Options({"logs", id, "--follow", "--raw"});
  auto out = MakePipe(), err = MakePipe();
  CHECK(out.ok() && err.ok());
  options.fds = {{1, out->second.get()}, {2, err->second.get()}};
  auto following = Subprocess::Spawn(options);
  CHECK(following.ok());
  out->second.Reset();
  err->second.Reset();
  char first[6] = {};
  ASSERT_EQ(::read(out->first.get(), first, sizeof(first)), 6) << "it is under way";
  EXPECT_THAT(ProcessesWithIt(), IsEmpty());
  ASSERT_EQ(pool_.Handoff({"token", "revoke", TokenId()}).exit_code, 0);
  const auto ended = following->Wait();
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->code, 5) << "it was cut, and not let in again";
  const CommandResult after = Ci({"show", id});
  EXPECT_EQ(after.exit_code, 5);
  EXPECT_THAT(after.err, HasSubstr("is not good in this pool"));
  gate.Open();
  // What it had begun is the pool's.
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_THAT(FilesWithIt(), IsEmpty());
}

}  // namespace
}  // namespace handoff::e2e
