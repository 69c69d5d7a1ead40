// Every command of docs/ci.md is one that this program takes.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

struct Example {
  std::string section, line;
};

// What begins with "handoff" in the fenced blocks. A block without any is a block that nobody
// checks.
std::vector<Example> Examples(const std::string& markdown, std::vector<std::string>& unchecked) {
  std::vector<Example> examples;
  std::string section;
  bool inside = false, any = false;
  for (const absl::string_view raw : absl::StrSplit(markdown, '\n')) {
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (absl::StartsWith(line, "```")) {
      if (inside && !any) unchecked.push_back(section);
      inside = !inside;
      any = false;
    } else if (!inside && absl::StartsWith(line, "## ")) {
      section = std::string(line.substr(3));
    } else if (inside && absl::StartsWith(line, "handoff ")) {
      examples.push_back({section, std::string(line)});
      any = true;
    }
  }
  return examples;
}

class CiExamples : public Command {
 protected:
  // As the shell of a runner has it, without a token.
  Said Shell(const std::string& line) const {
    SpawnOptions options = OptionsOfStranger({});
    options.argv = {"/bin/sh", "-c", line};
    for (std::string& entry : options.env) {
      if (absl::StartsWith(entry, "PATH=")) absl::StrAppend(&entry, ":", HANDOFF_BIN_DIR);
    }
    // What the systems set.
    for (const char* name :
         {"GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_TAG", "BUILDKITE_BUILD_ID"}) {
      options.env.push_back(absl::StrCat(name, "=4711"));
    }
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
};

TEST_F(CiExamples, EachCommandIsOneThatThisProgramTakes) {
  const auto markdown = ReadFile(std::string(HANDOFF_SOURCE_DIR) + "/docs/ci.md");
  ASSERT_TRUE(markdown.ok()) << markdown.status();
  std::vector<std::string> unchecked;
  const std::vector<Example> examples = Examples(*markdown, unchecked);
  EXPECT_THAT(unchecked, IsEmpty());
  for (const char* system : {"GitHub Actions", "GitLab CI", "Jenkins", "Buildkite"}) {
    EXPECT_TRUE(std::any_of(examples.begin(), examples.end(), [&](const Example& example) {
      return example.section == system;
    })) << system;
  }
  ASSERT_EQ(
      Shell("git init -q . && mkdir .handoff && echo Do it. >.handoff/task.md && git add . && "
            "git -c user.name=a -c user.email=a@b commit -qm Begin && echo 20261120-h >ids")
          .exit,
      0);
  for (const Example& example : examples) {
    ASSERT_EQ(Shell("echo 20261120-h >ids").exit, 0);
    const Said said = Shell(example.line);
    // It was understood, and then nobody is logged in.
    EXPECT_EQ(said.exit, 5) << example.line << "\n" << said.err;
    EXPECT_THAT(said.err, HasSubstr("you are not logged in to a pool")) << example.line;
  }
  // Or the check above would be none.
  EXPECT_EQ(Shell("handoff submit --file .handoff/task.md --no-such-flag").exit, 2);
}

}  // namespace
}  // namespace handoff
