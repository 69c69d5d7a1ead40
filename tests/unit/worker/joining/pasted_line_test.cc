#include "worker/joining/pasted_line.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<Secret> FromPipe(const std::string& text) {
  auto pipe = MakePipe();
  CHECK(pipe.ok());
  std::thread writer([&] {
    CHECK(WriteAll(pipe->second.get(), text).ok());
    pipe->second.Reset();
  });
  auto line = ReadPastedLine(pipe->first.get(), -1, "not for a pipe");
  writer.join();
  return line;
}

TEST(PastedLine, TheFirstLineOfAPipeIsTaken) {
  EXPECT_EQ(FromPipe("hfw1_AAAA\nmore\n")->Reveal(), "hfw1_AAAA");
  EXPECT_EQ(FromPipe("hfw1_AAAA")->Reveal(), "hfw1_AAAA");
  EXPECT_EQ(FromPipe(std::string(5000, 'a') + "\n")->size(), 5000u);
}

TEST(PastedLine, NothingAndTooMuchAreSaid) {
  for (const char* nothing : {"", "\n", "  \n", " \t"}) {
    EXPECT_THAT(std::string(FromPipe(nothing).status().message()), HasSubstr("no line was given"));
  }
  EXPECT_THAT(std::string(FromPipe(std::string(9000, 'a')).status().message()),
              HasSubstr("longer than any line"));
}

// A terminal as a person has it: the test sits at the other end.
class TerminalTest : public ::testing::Test {
 protected:
  TerminalTest() : person_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    CHECK(::grantpt(person_.get()) == 0 && ::unlockpt(person_.get()) == 0);
    terminal_.Reset(::open(::ptsname(person_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK(terminal_.valid());
  }
  bool Echoes() const {
    termios state = {};
    CHECK(::tcgetattr(terminal_.get(), &state) == 0);
    return (state.c_lflag & ECHO) != 0;
  }
  // What the terminal shows, until `words` were there.
  std::string SeenUntil(const std::string& words) {
    char c = 0;
    while (!absl::StrContains(seen_, words) && ::read(person_.get(), &c, 1) == 1) {
      seen_.push_back(c);
    }
    return seen_;
  }
  void Type(const std::string& text) const { CHECK(WriteAll(person_.get(), text).ok()); }

  const UniqueFd person_;
  UniqueFd terminal_;
  std::string seen_;
};

TEST_F(TerminalTest, NothingThatIsTypedIsShown) {
  const std::string secret = "hfw1_" + std::string(1800, 'x');
  absl::StatusOr<Secret> line;
  std::thread program(
      [&] { line = ReadPastedLine(terminal_.get(), terminal_.get(), "Paste it: "); });
  EXPECT_THAT(SeenUntil("Paste it: "), Not(HasSubstr("x")));
  EXPECT_FALSE(Echoes());
  Type(secret + "\n");
  program.join();
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->Reveal(), secret);
  EXPECT_TRUE(Echoes()) << "the shell comes after us";
  Type("after\n");
  EXPECT_THAT(SeenUntil("after"), Not(HasSubstr("xx")));
}

TEST_F(TerminalTest, TheEndOfInputIsNoLine) {
  absl::StatusOr<Secret> line;
  std::thread program(
      [&] { line = ReadPastedLine(terminal_.get(), terminal_.get(), "Paste it: "); });
  SeenUntil("Paste it: ");
  Type("\x04");  // Ctrl-D
  program.join();
  EXPECT_TRUE(absl::IsInvalidArgument(line.status())) << line.status();
  EXPECT_TRUE(Echoes());
}

// The signal comes when the terminal is as it was; who survives it is asked again.
TEST_F(TerminalTest, ASignalFindsTheTerminalAsItWas) {
  static std::atomic<int> terminal = -1;
  static std::atomic<int> echo_at_signal = -1;
  terminal = terminal_.get();
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) {
    termios state = {};
    echo_at_signal = ::tcgetattr(terminal, &state) == 0 && (state.c_lflag & ECHO) != 0 ? 1 : 0;
  };
  ASSERT_EQ(::sigaction(SIGINT, &action, &before), 0);
  absl::StatusOr<Secret> line;
  std::thread program(
      [&] { line = ReadPastedLine(terminal_.get(), terminal_.get(), "Paste it: "); });
  SeenUntil("Paste it: ");
  ASSERT_EQ(::pthread_kill(program.native_handle(), SIGINT), 0);
  SeenUntil("Paste it: \r\nPaste it: ");
  EXPECT_EQ(echo_at_signal, 1);
  Type("hfw1_A\n");
  program.join();
  EXPECT_TRUE(line.ok());
  ::sigaction(SIGINT, &before, nullptr);
}

TEST(PastedLine, AnArgumentThatLooksLikeOneIsRefusedAndNotRepeated) {
  for (const char* argument : {"hfw1_AAECAwQ", " hfu1_AAECAwQ\n", "hfc2_AAECAwQ"}) {
    const absl::Status refused = RefuseLinesIn({"join", "--data-dir", "d", argument});
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << argument;
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("AAECAwQ")));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("is a secret"));
  }
  EXPECT_TRUE(RefuseLinesIn({"join", "--data-dir", "hfw1", "--name", "hfs1_x", "hf", ""}).ok());
}

}  // namespace
}  // namespace handoff::worker
