// What stays and shows changes: over a coordinator that goes away and comes back, and not twice.

#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

class Watching : public Command {
 protected:
  void Start(const std::vector<std::string>& arguments) {
    auto out = MakePipe();
    auto err = MakePipe();
    said_ = {};
    SpawnOptions options = Options(arguments);
    options.fds = {{1, out->second.get()}, {2, err->second.get()}};
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    process_.emplace(*std::move(process));
    out_ = std::move(out->first);
    err_ = std::move(err->first);
  }
  // Until `text` is there, or the end.
  static void Read(const UniqueFd& fd, absl::string_view text, std::string& read) {
    char c;
    while ((text.empty() || !absl::StrContains(read, text)) && ::read(fd.get(), &c, 1) == 1) {
      read.push_back(c);
    }
  }
  const std::string& OutUntil(absl::string_view text) {
    Read(out_, text, said_.out);
    return said_.out;
  }
  const std::string& ErrUntil(absl::string_view text) {
    Read(err_, text, said_.err);
    return said_.err;
  }
  const Said& Leave() {
    process_->Signal(SIGINT);
    Read(out_, "", said_.out);
    Read(err_, "", said_.err);
    said_.exit = process_->Wait()->code;
    return said_;
  }
  static int Count(const std::string& text, absl::string_view word) {
    int count = 0;
    for (size_t at = 0; (at = text.find(std::string(word), at)) != std::string::npos; ++at) ++count;
    return count;
  }

  std::optional<Subprocess> process_;
  UniqueFd out_, err_;
  Said said_;
};

TEST_F(Watching, AListGoesOnWhenTheCoordinatorWasAway) {
  Add("20261120-h1", v1::Handoff::RUNNING);
  Start({"list", "--watch", "--json"});
  OutUntil("20261120-h1");
  coordinator_.RefuseLists(3);
  Add("20261120-h2", v1::Handoff::RUNNING);
  OutUntil("20261120-h2");
  const Said& said = Leave();
  EXPECT_EQ(said.exit, 130);
  EXPECT_EQ(Count(said.err, "does not answer"), 1) << said.err;
  EXPECT_EQ(Count(said.err, "the coordinator is back"), 1) << said.err;
}

TEST_F(Watching, AListAsJsonShowsWhatChangedAlone) {
  Add("20261120-h1", v1::Handoff::RUNNING);
  Start({"list", "--watch", "--json"});
  OutUntil("20261120-h1");
  Add("20261120-h1", v1::Handoff::RUNNING);  // an event, and all is as it was
  Add("20261120-h2", v1::Handoff::RUNNING);
  OutUntil("20261120-h2");
  Add("20261120-h2", v1::Handoff::CANCELLED);
  OutUntil("CANCELLED");
  const Said& said = Leave();
  EXPECT_EQ(said.exit, 130);
  EXPECT_EQ(Count(said.out, "\n"), 3) << said.out;
  EXPECT_EQ(Count(said.out, "\"20261120-h1\""), 1) << said.out;
}

TEST_F(Watching, AListInAPipeIsNotRepeatedWithoutAChange) {
  Add("20261120-h1", v1::Handoff::RUNNING);
  Start({"list", "--watch"});
  OutUntil("20261120-h1");
  Add("20261120-h1", v1::Handoff::RUNNING);
  // It looked again: twice for the first picture, and once for that event.
  coordinator_.AwaitCalls(4);
  Add("20261120-h2", v1::Handoff::RUNNING);
  OutUntil("20261120-h2");
  const Said& said = Leave();
  EXPECT_EQ(Count(said.out, "20261120-h1"), 2) << said.out;
}

TEST_F(Watching, EventsSayThatTheCoordinatorIsBackThoughNothingHappens) {
  Add("20261120-h1", v1::Handoff::RUNNING);
  Start({"events", "-f", "--from", "0"});
  OutUntil("20261120-h1");
  coordinator_.BreakWatches(2);
  EXPECT_THAT(ErrUntil("is back\n"), HasSubstr("does not answer"));
  Add("20261120-h2", v1::Handoff::RUNNING);
  EXPECT_THAT(OutUntil("20261120-h2"), HasSubstr("20261120-h2"));
  EXPECT_EQ(Leave().exit, 130);
}

// A connection that nothing comes through any more has a call wait for all of its time.
TEST_F(Watching, WhoeverLeavesWaitsForNoAnswer) {
  const struct {
    std::vector<std::string> arguments;
    int calls;  // that it makes before it is one to be left: Ctrl-C ends it at once until then
  } cases[] = {{{"wait", "20261120-h"}, 2},
               {{"list", "--watch"}, 1},
               {{"sync", "20261120-h", "--dir", dir_.path(), "--watch"}, 2}};
  for (const auto& [arguments, calls] : cases) {
    FakeCoordinator silent{authority_, {}};
    v1::Handoff handoff;
    handoff.set_id("20261120-h");
    handoff.set_status(v1::Handoff::RUNNING);
    silent.Set(handoff);
    std::vector<std::string> command = {"--coordinator", silent.address()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Start(command);
    silent.AwaitCalls(calls);
    silent.held().Begin();
    silent.Set(handoff);  // so that it looks again
    silent.held().Await();
    EXPECT_EQ(Leave().exit, 130) << arguments[0];
    EXPECT_TRUE(silent.held().AllLeftEarly()) << arguments[0];
  }
}

}  // namespace
}  // namespace handoff
