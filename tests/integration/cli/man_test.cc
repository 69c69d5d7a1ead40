// The manual pages: nothing that --help has is missing, and groff takes them without a word.

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/help.h"
#include "cli/verb.h"
#include "common/man_page.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::StartsWith;

class Man : public Command {
 protected:
  static std::string FileOf(const Verb& verb) {
    return absl::StrCat("handoff-", absl::StrReplaceAll(verb.name, {{" ", "-"}}), ".1");
  }
  std::string Page(const std::vector<std::string>& verb) const {
    std::vector<std::string> arguments = {"man"};
    arguments.insert(arguments.end(), verb.begin(), verb.end());
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 0) << said.err;
    return said.out;
  }
  // What groff says of it, and the page as a person reads it.
  Said Groff(const std::string& roff) const {
    SpawnOptions options = Options({});
    options.argv = {"groff", "-man", "-ww", "-Tutf8", "-P-cbou"};
    const auto result = RunProcess(options, roff, absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
  Said Program(const std::string& name, const std::vector<std::string>& arguments) const {
    SpawnOptions options = OptionsOfStranger({});
    options.argv = {absl::StrCat(HANDOFF_BIN_DIR, "/", name)};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
};

TEST_F(Man, EveryFlagOfEveryVerbIsInItsPage) {
  const Said written = Run({"man", "--dir", "man"});
  ASSERT_EQ(written.exit, 0) << written.err;
  const std::string main = *ReadFile(dir_.path() + "/man/man1/handoff.1");
  for (const Verb& verb : Verbs()) {
    SCOPED_TRACE(std::string(verb.name));
    const auto page = ReadFile(absl::StrCat(dir_.path(), "/man/man1/", FileOf(verb)));
    ASSERT_TRUE(page.ok()) << page.status();
    CLI::App app;
    std::string coordinator;
    bool json = false;
    const VerbRun run = DefineVerb(verb, app, coordinator, json);
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames()) {
        EXPECT_THAT(*page, HasSubstr(absl::StrCat("\\fB", RoffText("--" + name), "\\fR")));
      }
      EXPECT_THAT(*page, HasSubstr(RoffText(option->get_description())));
      if (option->get_positional()) {
        EXPECT_THAT(*page, HasSubstr("\\fI" + option->get_single_name() + "\\fR"));
      }
    }
    EXPECT_THAT(*page, AllOf(HasSubstr(".SH EXAMPLES"), HasSubstr(".SH EXIT STATUS")));
    EXPECT_THAT(main, HasSubstr(RoffText(verb.summary)));
  }
}

TEST_F(Man, GroffHasNothingToSayAboutThem) {
  if (::access("/usr/bin/groff", X_OK) != 0) GTEST_SKIP() << "groff is not installed";
  ASSERT_EQ(Run({"man", "--dir", "man"}).exit, 0);
  const auto names = ListDirectory(dir_.path() + "/man/man1");
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->size(), Verbs().size() + 1);
  for (const std::string& name : *names) {
    const Said said = Groff(*ReadFile(absl::StrCat(dir_.path(), "/man/man1/", name)));
    EXPECT_EQ(said.exit, 0) << name;
    EXPECT_EQ(said.err, "") << name;
    EXPECT_THAT(said.out, HasSubstr("handoff")) << name;
  }
  for (const char* daemon : {"handoff-coordinator", "handoff-worker"}) {
    const Said page = Program(daemon, {"--man"});
    EXPECT_EQ(page.exit, 0) << page.err;
    EXPECT_THAT(page.out, AllOf(StartsWith(".TH"), HasSubstr(RoffText("--data-dir"))));
    EXPECT_EQ(Groff(page.out).err, "");
    EXPECT_THAT(Program(daemon, {"--help"}).out, Not(HasSubstr("--man")));
  }
}

TEST_F(Man, AnExampleIsReadAsItIsTyped) {
  if (::access("/usr/bin/groff", X_OK) != 0) GTEST_SKIP() << "groff is not installed";
  const std::string page = Groff(Page({"submit"})).out;
  EXPECT_THAT(page, HasSubstr("handoff submit --agent command -- make -j8 test"));
  EXPECT_THAT(page, HasSubstr("--file FILE"));
  EXPECT_THAT(page, HasSubstr("[TASK | -- ARGV...]"));
  EXPECT_THAT(Groff(Page({"list"})).out, HasSubstr("jq -r 'select(.status==\"RUNNING\").id'"));
  EXPECT_THAT(Groff(Page({"cancel"})).out, HasSubstr("Here ID must be in no other id"));
  EXPECT_EQ(Page({"worker-list"}), Page({"worker", "list"}));
  EXPECT_EQ(Page({"workers"}), Page({"worker", "list"}));
  EXPECT_THAT(Groff(Page({})).out, AllOf(HasSubstr("HANDOFF_TOKEN"), HasSubstr("config.toml"),
                                         HasSubstr("130  interrupted; a handoff goes on\n")));
  for (const absl::string_view line : absl::StrSplit(ExitStatuses(), '\n')) {
    EXPECT_LE(line.size(), 68u) << line;  // the page indents by 7 of 76 columns
  }
}

TEST_F(Man, NothingInAPageIsARequestOfIt) {
  EXPECT_EQ(RoffText(".so /etc/passwd"), "\\&.so /etc/passwd");
  EXPECT_EQ(RoffText("'a\\fBb-c"), "\\&\\(aqa\\efBb\\-c");
  EXPECT_EQ(RoffText("…é"), "\\[u2026]\\[u00E9]");
  EXPECT_EQ(Run({"man", "nonsense"}).exit, 2);
  EXPECT_EQ(Run({"man", "submit", "--dir", "x"}).exit, 2);
}

TEST_F(Man, AnInstallPutsThemAndTheCompletionsInTheirPlaces) {
  SpawnOptions options = Options({});
  const std::string prefix = dir_.path() + "/prefix";
  options.argv = {"cmake",
                  "-DCMAKE_INSTALL_PREFIX=" + prefix,
                  absl::StrCat("-DHANDOFF_PROGRAM=", HANDOFF_BIN_DIR, "/handoff"),
                  absl::StrCat("-DHANDOFF_DAEMONS=", HANDOFF_BIN_DIR, "/handoff-coordinator;",
                               HANDOFF_BIN_DIR, "/handoff-worker"),
                  "-DHANDOFF_MAN=share/man",
                  "-DHANDOFF_SHARE=share",
                  "-P",
                  absl::StrCat(HANDOFF_SOURCE_DIR, "/cmake/InstallTexts.cmake")};
  const auto result = RunProcess(options, "", absl::Minutes(1));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status.code, 0) << result->err;
  for (const auto& [file, begin] : std::vector<std::pair<std::string, std::string>>{
           {"man/man1/handoff.1", ".TH"},
           {"man/man1/handoff-worker-list.1", ".TH"},
           {"man/man8/handoff-coordinator.8", ".TH"},
           {"man/man8/handoff-worker.8", ".TH"},
           {"bash-completion/completions/handoff", "# bash completion"},
           {"zsh/site-functions/_handoff", "#compdef handoff"},
           {"fish/vendor_completions.d/handoff.fish", "# fish completion"}}) {
    const auto text = ReadFile(absl::StrCat(prefix, "/share/", file));
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_THAT(*text, StartsWith(begin)) << file;
  }
}

}  // namespace
}  // namespace handoff
