// deploy/skill/SKILL.md: what it tells an agent to type is there, and its form is what agents load.

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

class Skill : public Command {
 protected:
  std::string text_ = *ReadFile(HANDOFF_SOURCE_DIR "/deploy/skill/SKILL.md");
};

TEST_F(Skill, BeginsWithANameAndADescription) {
  const std::vector<std::string> lines = absl::StrSplit(text_, '\n');
  ASSERT_GT(lines.size(), 5u);
  EXPECT_EQ(lines[0], "---");
  EXPECT_EQ(lines[1], "name: handoff");
  EXPECT_TRUE(absl::StartsWith(lines[2], "description: "));
  EXPECT_LE(lines[2].size(), 1024u);
  EXPECT_EQ(lines[3], "---");
  EXPECT_LE(lines.size(), 100u) << "a skill is read as a whole, each time";
}

TEST_F(Skill, EveryVerbAndFlagOfItIsThere) {
  // "handoff VERB …" up to the end of its code.
  const std::regex command("handoff ([a-z]+)([^`\n#]*)");
  const std::regex flag("--[a-z][a-z-]*");
  std::set<std::pair<std::string, std::string>> used;
  for (std::sregex_iterator at(text_.begin(), text_.end(), command), end; at != end; ++at) {
    const std::string verb = (*at)[1];
    const std::string before = text_.substr(0, static_cast<size_t>(at->position()));
    const bool code = absl::EndsWith(before, "`") || absl::EndsWith(before, "\n");
    if (!code) continue;
    used.insert({verb, ""});
    // What stands behind "--" is another program's.
    const std::string rest = std::string((*at)[2]).substr(0, (*at)[2].str().find(" -- "));
    for (std::sregex_iterator f(rest.begin(), rest.end(), flag); f != end; ++f) {
      used.insert({verb, f->str()});
    }
  }
  EXPECT_GT(used.size(), 20u);
  std::set<std::string> verbs;
  std::string all_help;
  for (const auto& [verb, name] : used) {
    verbs.insert(verb);
    const Said help = Run({verb, "--help"});
    EXPECT_EQ(help.exit, 0) << verb;
    all_help += help.out;
    EXPECT_THAT(help.out, HasSubstr(name)) << "handoff " << verb << " has no " << name;
  }
  for (const char* verb : {"submit", "list", "wait", "show", "diff", "summary", "logs", "send",
                           "resume", "takeover", "return", "cancel", "why"}) {
    EXPECT_EQ(verbs.count(verb), 1u) << verb;
  }
  // And those that stand alone.
  for (std::sregex_iterator f(text_.begin(), text_.end(), flag), end; f != end; ++f) {
    EXPECT_THAT(all_help, HasSubstr(f->str()));
  }
  // Never without a bound.
  int waits = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text_, '\n'))) {
    if (!absl::StrContains(line, "handoff wait")) continue;
    ++waits;
    EXPECT_THAT(line, HasSubstr("--timeout"));
  }
  EXPECT_GT(waits, 0);
}

}  // namespace
}  // namespace handoff
