// `handoff fetch` and `handoff diff`: the work of an agent, as a checkpoint that git made in a
// sandbox, in the person's own repository. Whatever happens, index and work tree stay as they are.

#include "common/text.h"
#include "tests/integration/cli/fetch_fixture.h"
#include "tests/integration/cli/pty.h"

namespace handoff {
namespace {

TEST_F(FetchTest, TheWorkIsABranchAndNothingElseIsTouched) {
  Work();
  TakeCheckpoint({base_});
  handoff_.mutable_attempts(0)->mutable_checkpoint()->add_notes("huge.bin is above 2 GB");
  handoff_.mutable_spec()->mutable_repository()->set_user_name("Ann");
  handoff_.mutable_spec()->mutable_repository()->set_user_email("ann@example.org");
  coordinator_.Set(handoff_);
  Write(Mine() + "/a", "mine, not committed\n");
  Write(Mine() + "/new", "mine, too\n");
  Git(Mine(), {"add", "new"});
  const std::string before = Untouched();
  const Said said = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, absl::StrCat(kBranch, "\n"));
  EXPECT_THAT(said.err, HasSubstr("1 commit of the agent, 2 files changed"));
  EXPECT_THAT(said.err, HasSubstr("one commit on top"));
  EXPECT_THAT(said.err, HasSubstr("not in it: huge.bin is above 2 GB"));
  EXPECT_EQ(Untouched(), before);
  EXPECT_EQ(Git(Mine(), {"log", "--format=%s", kBranch}),
            "Uncommitted changes of handoff 20261120-mend, attempt 1\nThe agent's\nfirst");
  EXPECT_EQ(Git(Mine(), {"log", "-1", "--format=%an %ae %at%n%(trailers)", kBranch}),
            "Ann ann@example.org 1795000000\nHandoff: 20261120-mend");
  EXPECT_EQ(Rev(Mine(), absl::StrCat(kBranch, "~1")), Rev(Agents(), "HEAD"));
  EXPECT_EQ(Git(Mine(), {"show", absl::StrCat(kBranch, ":new")}), "not committed");
  Git(Mine(), {"fsck", "--strict", "--full"});
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

TEST_F(FetchTest, WithNothingUncommittedTheBranchIsTheAgentsHead) {
  Write(Agents() + "/a", "two\n");
  Git(Agents(), {"add", "a"});
  Commit(Agents(), "The agent's");
  TakeCheckpoint({base_});
  const Said said = RunIn(Mine(), {"fetch", kId, "--json"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Rev(Mine(), kBranch), Rev(Agents(), "HEAD"));
  EXPECT_THAT(said.out, HasSubstr("\"uncommitted\":false,\"commits\":1,\"filesChanged\":\"1\""));
  EXPECT_THAT(said.out, HasSubstr(Rev(Agents(), "HEAD")));
}

TEST_F(FetchTest, AgainChangesNothingAndAsksForNoPack) {
  Work();
  TakeCheckpoint({base_});
  ASSERT_EQ(RunIn(Mine(), {"fetch", kId}).exit, 0);
  const std::string tip = Rev(Mine(), kBranch);
  const size_t objects = Objects();
  coordinator_.LieAbout(handoff_.attempts(0).checkpoint().packs(0).sha256(), "no longer there");
  const Said again = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(again.exit, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("was already"));
  EXPECT_EQ(Rev(Mine(), kBranch), tip);
  EXPECT_EQ(Objects(), objects);
}

TEST_F(FetchTest, WhatAFetchMadeIsReplacedAndWhatAPersonMadeIsNot) {
  Work();
  TakeCheckpoint({base_});
  ASSERT_EQ(RunIn(Mine(), {"fetch", kId}).exit, 0);
  // Attempt 2 began anew: its work does not follow from that of attempt 1.
  Git(Agents(), {"commit", "-q", "--amend", "-m", "Another way"});
  TakeCheckpoint({base_});
  const Said second = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(second.exit, 0) << second.err;
  EXPECT_EQ(Rev(Mine(), absl::StrCat(kBranch, "~1")), Rev(Agents(), "HEAD"));
  const std::string own =
      Git(Mine(), {"commit-tree", "-p", kBranch, "-m", "Mine", absl::StrCat(kBranch, "^{tree}")});
  Git(Mine(), {"update-ref", absl::StrCat("refs/heads/", kBranch), own});
  Git(Agents(), {"commit", "-q", "--amend", "-m", "A third way"});
  TakeCheckpoint({base_});
  const Said refused = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(refused.exit, 6);
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_THAT(refused.err, HasSubstr("has commits that the handoff's work does not have"));
  EXPECT_THAT(refused.err, HasSubstr("--as NAME"));
  EXPECT_EQ(Rev(Mine(), kBranch), own);
  const Said elsewhere = RunIn(Mine(), {"fetch", kId, "--as", "third"});
  EXPECT_EQ(elsewhere.exit, 0) << elsewhere.err;
  EXPECT_EQ(elsewhere.out, "third\n");
  EXPECT_EQ(Rev(Mine(), "third~1"), Rev(Agents(), "HEAD"));
  EXPECT_EQ(Rev(Mine(), kBranch), own);
  const Said first = RunIn(Mine(), {"fetch", kId, "--attempt", "1", "--as", "third"});
  EXPECT_EQ(first.exit, 0) << first.err << ": it is what a fetch made";
  EXPECT_EQ(Git(Mine(), {"log", "-1", "--format=%s", "third~1"}), "The agent's");
}

TEST_F(FetchTest, ABranchThatIsCheckedOutIsLeftAlone) {
  Work();
  TakeCheckpoint({base_});
  Git(Mine(), {"checkout", "-q", "-b", kBranch});
  const std::string before = Untouched();
  const size_t objects = Objects();
  const Said said = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(said.exit, 6);
  EXPECT_THAT(said.err, HasSubstr("is checked out"));
  EXPECT_EQ(Untouched(), before);
  EXPECT_EQ(Rev(Mine(), kBranch), base_);
  EXPECT_EQ(Objects(), objects);
  // In a linked work tree, too.
  Git(Mine(), {"checkout", "-q", "main"});
  Git(Mine(), {"worktree", "add", "-q", dir_.path() + "/linked", kBranch});
  EXPECT_EQ(RunIn(Mine(), {"fetch", kId}).exit, 6);
  // Before its first commit, too.
  Git(Mine(), {"worktree", "remove", dir_.path() + "/linked"});
  Git(Mine(), {"branch", "-D", kBranch});
  Git(Mine(), {"symbolic-ref", "HEAD", absl::StrCat("refs/heads/", kBranch)});
  EXPECT_EQ(RunIn(Mine(), {"fetch", kId}).exit, 6);
}

TEST_F(FetchTest, WhereTheBaseIsMissingItSaysSoOrTakesItFromTheSubmission) {
  Work();
  TakeCheckpoint({base_});
  const std::string elsewhere = dir_.path() + "/elsewhere";
  Git("", {"init", "-q", "-b", "main", elsewhere});
  const Said refused = RunIn(elsewhere, {"fetch", kId});
  EXPECT_EQ(refused.exit, 6);
  EXPECT_THAT(refused.err, HasSubstr("run 'git fetch' here, in a clone of https://example.org/r"));
  EXPECT_EQ(Git(elsewhere, {"for-each-ref"}), "");
  const std::string complete = PackOf(base_, {});
  v1::Repository& submitted = *handoff_.mutable_spec()->mutable_repository();
  submitted.set_pack_sha256(coordinator_.SetObject(complete));
  submitted.set_pack_bytes(complete.size());
  coordinator_.Set(handoff_);
  const Said said = RunIn(elsewhere, {"fetch", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Git(elsewhere, {"log", "-1", "--format=%an", kBranch}), "Handoff")
      << "the record names nobody";
  Git(elsewhere, {"fsck", "--strict", "--full"});
}

TEST_F(FetchTest, APackThatIsNotItsHashIsNotTaken) {
  Work();
  TakeCheckpoint({base_});
  const std::string other = PackOf(base_, {});
  coordinator_.LieAbout(handoff_.attempts(0).checkpoint().packs(0).sha256(), other);
  const size_t objects = Objects();
  const Said said = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(said.exit, 10);
  EXPECT_THAT(said.err, HasSubstr("is something else"));
  ExpectNothingCame(said, objects);
}

TEST_F(FetchTest, APackThatIsNoPackIsNotTaken) {
  Work();
  TakeCheckpoint({base_});
  v1::Checkpoint::Pack& pack =
      *handoff_.mutable_attempts(0)->mutable_checkpoint()->mutable_packs(0);
  pack.set_sha256(coordinator_.SetObject("PACK but not really"));
  coordinator_.Set(handoff_);
  const size_t objects = Objects();
  const Said said = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(said.exit, 10);
  EXPECT_THAT(said.err, HasSubstr("a pack from the coordinator cannot be used"));
  ExpectNothingCame(said, objects);
}

TEST_F(FetchTest, APackWhoseNameIsNoHashIsNotAskedFor) {
  Work();
  TakeCheckpoint({base_});
  handoff_.mutable_attempts(0)->mutable_checkpoint()->mutable_packs(0)->set_sha256("../x");
  coordinator_.Set(handoff_);
  const size_t objects = Objects();
  const Said said = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(said.exit, 10);
  EXPECT_THAT(said.err, HasSubstr("the record names a pack that is no SHA-256"));
  ExpectNothingCame(said, objects);
}

TEST_F(FetchTest, NamesThatAreFoldersOfOneAnotherDoNotCollide) {
  Work();
  TakeCheckpoint({base_});
  ASSERT_EQ(RunIn(Mine(), {"fetch", kId, "--as", "a"}).exit, 0);
  Git(Mine(), {"branch", "-D", "a"});
  const Said said = RunIn(Mine(), {"fetch", kId, "--as", "a/b"});
  EXPECT_EQ(said.exit, 0) << said.err;
}

// A commit whose tree no git would write: made as raw bytes.
class HostileFetch : public FetchTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(HostileFetch, IsRefusedAndWritesNowhere) {
  const std::string blob = Git(Agents(), {"hash-object", "-w", "--stdin"}, "#!/bin/sh\n");
  const std::string raw = absl::StrCat("100755 ", GetParam(), std::string(1, '\0'), *FromHex(blob));
  const std::string tree =
      Git(Agents(), {"hash-object", "-t", "tree", "-w", "--stdin", "--literally"}, raw);
  const std::string commit = Git(Agents(), {"commit-tree", "-p", base_, "-m", "x", tree});
  AddCheckpoint(commit, base_, {base_});
  const std::string before = Untouched();
  const size_t objects = Objects();
  for (const std::string verb : {"fetch", "diff"}) {
    const Said said = RunIn(Mine(), {verb, kId});
    EXPECT_EQ(said.exit, 10) << verb;
    EXPECT_THAT(said.err, HasSubstr("leads out of the work tree"));
    ExpectNothingCame(said, objects);
  }
  EXPECT_EQ(Untouched(), before);
  EXPECT_FALSE(PathExists(dir_.path() + "/x"));
  EXPECT_FALSE(PathExists(Mine() + "/.git/hooks/x"));
}

INSTANTIATE_TEST_SUITE_P(Names, HostileFetch,
                         ::testing::Values("../x", ".git/hooks/x", "..", ".git", ".GIT", "git~1"));

TEST_F(FetchTest, SaysWhatIsMissing) {
  handoff_.add_attempts()->set_number(1);
  coordinator_.Set(handoff_);
  const Said none = RunIn(Mine(), {"fetch", kId});
  EXPECT_EQ(none.exit, 6);
  EXPECT_THAT(none.err, HasSubstr("no checkpoint of it arrived"));
  EXPECT_EQ(RunIn(Mine(), {"fetch", kId, "--attempt", "2"}).exit, 3);
  EXPECT_EQ(RunIn(Mine(), {"fetch", kId, "--attempt", "0"}).exit, 2);
  EXPECT_EQ(RunIn(Mine(), {"fetch", kId, "--as", "a..b"}).exit, 2);
  EXPECT_EQ(RunIn(Mine(), {"fetch", "20261120-other"}).exit, 3);
  Work();
  TakeCheckpoint({base_});
  const Said outside = RunIn(dir_.path(), {"fetch", kId});
  EXPECT_EQ(outside.exit, 3);
  EXPECT_THAT(outside.err, HasSubstr("you are not in a repository"));
}

// ---- diff ----

constexpr char kPatch[] =
    "diff --git a/a b/a\n"
    "index 5626abf..814f4a4 100644\n"
    "--- a/a\n"
    "+++ b/a\n"
    "@@ -1 +1,2 @@\n"
    " one\n"
    "+two\n"
    "diff --git a/new b/new\n"
    "new file mode 100644\n"
    "index 0000000..a81aede\n"
    "--- /dev/null\n"
    "+++ b/new\n"
    "@@ -0,0 +1 @@\n"
    "+not committed\n";

TEST_F(FetchTest, ADiffIsThePatchThatGitMakes) {
  Work();
  const std::string commit = TakeCheckpoint({base_});
  const std::string before = Untouched();
  const size_t objects = Objects();
  const Said said = RunIn(Mine(), {"diff", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, Git(Agents(), {"diff", base_, commit}) + "\n");
  EXPECT_THAT(said.out, HasSubstr("+not committed\n"));
  EXPECT_EQ(Untouched(), before);
  ExpectNothingCame({0, "", ""}, objects);
  const Said stat = RunIn(Mine(), {"diff", kId, "--stat"});
  EXPECT_THAT(stat.out, HasSubstr(" a   | 1 +\n new | 1 +\n 2 files changed, 2 insertions(+)"));
}

TEST_F(FetchTest, ADiffOfBinaryFilesAppliesWhenPiped) {
  Write(Agents() + "/big", std::string(3000, '\0'));
  Write(Agents() + "/new", std::string("\0\1\2", 3));
  TakeCheckpoint({base_});
  const Said said = RunIn(Mine(), {"diff", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("GIT binary patch"));
  Git(Mine(), {"apply", "--check"}, said.out);
}

TEST_F(FetchTest, ADiffFromTheBaseHasThePersonsOwnWorkToo) {
  Write(Agents() + "/mine", "what was not committed at submit\n");
  Git(Agents(), {"add", "-A"});
  const std::string tree = Git(Agents(), {"write-tree"});
  const std::string submitted = Git(Agents(), {"commit-tree", "-p", base_, "-m", "wt", tree});
  Work();
  TakeCheckpoint({base_});
  v1::Checkpoint& checkpoint = *handoff_.mutable_attempts(0)->mutable_checkpoint();
  checkpoint.set_submitted_commit(submitted);
  const std::string pack = PackOf(submitted, {base_});
  handoff_.mutable_spec()->mutable_repository()->set_pack_sha256(coordinator_.SetObject(pack));
  coordinator_.Set(handoff_);
  const Said plain = RunIn(Mine(), {"diff", kId, "--stat"});
  EXPECT_EQ(plain.exit, 0) << plain.err;
  EXPECT_THAT(plain.out, Not(HasSubstr("mine")));
  EXPECT_THAT(RunIn(Mine(), {"diff", kId, "--stat", "--base"}).out, HasSubstr(" mine | 1 +\n"));
}

TEST_F(FetchTest, ADiffNeedsNoRepositoryWhenThePacksAreComplete) {
  Work();
  TakeCheckpoint({base_});
  const std::string outside = dir_.path() + "/outside";
  CHECK(MakeDirectories(outside).ok());
  const Said refused = RunIn(outside, {"diff", kId});
  EXPECT_EQ(refused.exit, 6);
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_THAT(refused.err, HasSubstr("run this in a clone of https://example.org/r.git"));
  const std::string complete = PackOf(base_, {});
  handoff_.mutable_spec()->mutable_repository()->set_pack_sha256(coordinator_.SetObject(complete));
  coordinator_.Set(handoff_);
  const Said said = RunIn(outside, {"diff", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, kPatch);
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

TEST_F(FetchTest, ADiffOnATerminalCannotControlItUnlessAsked) {
  Write(Agents() + "/a", "one\n\x1b[2Jhostile\n");
  TakeCheckpoint({base_});
  EXPECT_THAT(RunIn(Mine(), {"diff", kId}).out, HasSubstr("+\x1b[2Jhostile\n"));
  const auto on_terminal = [&](std::vector<std::string> flags, bool colour) {
    Pty pty(24, 80);
    flags.insert(flags.begin(), {"diff", kId});
    SpawnOptions options = Options(flags);
    options.cwd = Mine();
    options.env.push_back("TERM=xterm");
    if (!colour) options.env.push_back("NO_COLOR=1");
    options.fds = {{1, pty.slave()}};
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    pty.LeaveToChild();
    const std::string screen = pty.ReadAll();
    EXPECT_EQ(process->Wait()->code, 0);
    return screen;
  };
  const std::string clean = on_terminal({}, false);
  EXPECT_THAT(clean, HasSubstr("hostile\n"));
  EXPECT_THAT(clean, Not(HasSubstr("\x1b")));
  EXPECT_THAT(on_terminal({}, true), HasSubstr("\x1b[32m+hostile\x1b[0m\n"));
  EXPECT_THAT(on_terminal({"--raw"}, true), HasSubstr("+\x1b[2Jhostile\n"));
}

TEST_F(FetchTest, ADiffOfNothingSaysSo) {
  TakeCheckpoint({base_});
  const Said said = RunIn(Mine(), {"diff", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, IsEmpty());
  EXPECT_THAT(said.err, HasSubstr("left no file changed"));
}

}  // namespace
}  // namespace handoff
