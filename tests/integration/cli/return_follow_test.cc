// `handoff return --follow`: whoever gives it back stays and reads what the next attempt does.

#include <unistd.h>

#include <csignal>
#include <utility>

#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

constexpr char kSays[] = "said by attempt 2\n";

class ReturnFollow : public TakeoverTest {
 protected:
  ReturnFollow() {
    LeaveWork();
    CHECK(TakeOver().exit == 0);
    SpawnOptions options = Options({"return", kId, "Go on", "--follow"});
    options.cwd = Taken();
    auto err = MakePipe();
    CHECK(err.ok());
    options.fds = {{2, err->second.get()}};
    auto command = Subprocess::Spawn(options);
    CHECK(command.ok());
    command_.emplace(*std::move(command));
    err_ = std::move(err->first);
  }

  // What it said so far, once that is among it; all that it said where it never comes.
  const std::string& SaidUntil(const std::string& text) {
    char bytes[4096];
    while (said_.find(text) == std::string::npos) {
      const ssize_t n = ::read(err_.get(), bytes, sizeof(bytes));
      if (n <= 0) break;
      said_.append(bytes, static_cast<size_t>(n));
    }
    return said_;
  }
  // Its worker begins attempt 2, and its agent says something.
  v1::Handoff Begin() {
    v1::Handoff now = Record();
    CHECK(now.attempts_size() == 2);
    now.set_status(v1::Handoff::RUNNING);
    now.mutable_attempts(1)->set_state(v1::Attempt::RUNNING);
    coordinator_.SetLog(kId, 2, kSays);
    coordinator_.Set(now);
    return now;
  }

  std::optional<Subprocess> command_;
  UniqueFd err_;
  std::string said_;
};

TEST_F(ReturnFollow, ShowsWhatTheNextAttemptDoesAndHowItEnds) {
  ASSERT_THAT(SaidUntil("attempt 2 is queued"), HasSubstr("attempt 2 is queued"));
  v1::Handoff now = Begin();
  ASSERT_THAT(SaidUntil(kSays), HasSubstr(kSays)) << "it still runs";
  coordinator_.SetLog(kId, 2, absl::StrCat(kSays, "and its last line\n"));
  now.set_status(v1::Handoff::FAILED);
  now.set_failure(v1::Failure::CHECKS_FAILED);
  now.set_reason("The check `true` failed.");
  now.mutable_attempts(1)->set_state(v1::Attempt::FAILED);
  coordinator_.Set(now);
  said_ += ReadToEnd(err_.get());
  EXPECT_EQ(command_->Wait()->code, 1) << said_;
  EXPECT_THAT(said_, HasSubstr("handoff: attempt 2\n"));
  EXPECT_THAT(said_, HasSubstr("and its last line\n"));
  EXPECT_THAT(said_, HasSubstr("The check `true` failed."));
  EXPECT_THAT(said_, Not(HasSubstr("log of 1"))) << "that is what they took over";
}

TEST_F(ReturnFollow, WhoLeavesStopsNothing) {
  ASSERT_THAT(SaidUntil("attempt 2 is queued"), HasSubstr("attempt 2 is queued"));
  Begin();
  ASSERT_THAT(SaidUntil(kSays), HasSubstr(kSays));
  command_->Signal(SIGINT);
  said_ += ReadToEnd(err_.get());
  EXPECT_EQ(command_->Wait()->code, 130) << said_;
  EXPECT_THAT(said_, HasSubstr(absl::StrCat("you left; ", kId, " goes on.")));
  EXPECT_EQ(Record().status(), v1::Handoff::RUNNING);
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

}  // namespace
}  // namespace handoff
