// A person's repository, an agent's clone of it, and a handoff whose checkpoints are made there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "tests/integration/cli/command.h"

namespace handoff {

inline constexpr char kId[] = "20261120-mend";
inline constexpr char kBranch[] = "handoff/20261120-mend";

class FetchTest : public Command {
 protected:
  FetchTest() {
    Git("", {"init", "-q", "-b", "main", Mine()});
    Write(Mine() + "/a", "one\n");
    Write(Mine() + "/big", std::string(3000, 'b'));
    Git(Mine(), {"add", "."});
    Commit(Mine(), "first");
    base_ = Rev(Mine(), "HEAD");
    Git("", {"clone", "-q", Mine(), Agents()});
    handoff_.set_id(kId);
    handoff_.set_status(v1::Handoff::SUCCEEDED);
    handoff_.set_owner("alice");
    handoff_.set_repo("https://example.org/r.git");
    v1::Repository& repository = *handoff_.mutable_spec()->mutable_repository();
    repository.set_url(handoff_.repo());
    repository.set_commit(base_);
  }

  std::string Mine() const { return dir_.path() + "/mine"; }
  std::string Agents() const { return dir_.path() + "/agents"; }

  static void Write(const std::string& path, const std::string& content) {
    CHECK(WriteFileAtomically(path, content).ok());
  }
  std::string Git(const std::string& where, std::vector<std::string> arguments,
                  const std::string& input = "", int exit = 0) const {
    SpawnOptions options = Options({});
    options.argv = {"git", "-c", "user.name=agent", "-c", "user.email=agent@host"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    if (!where.empty()) options.cwd = where;
    const auto result = RunProcess(options, input, absl::Minutes(1));
    CHECK(result.ok());
    EXPECT_EQ(result->status.code, exit) << result->err;
    return std::string(absl::StripTrailingAsciiWhitespace(result->out));
  }
  void Commit(const std::string& where, const std::string& subject) const {
    Git(where, {"commit", "-q", "-m", subject});
  }
  std::string Rev(const std::string& where, const std::string& name) const {
    return Git(where, {"rev-parse", name});
  }
  Said RunIn(const std::string& where, const std::vector<std::string>& arguments) const {
    SpawnOptions options = Options(arguments);
    options.cwd = where;
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.signal != 0 ? -result->status.signal : result->status.code, result->out,
            result->err};
  }

  // The agent's repository as a checkpoint, and what of it `without` has not as a pack.
  std::string TakeCheckpoint(const std::vector<std::string>& without) {
    const std::string index = Git(Agents(), {"write-tree"});
    const std::string head = Rev(Agents(), "HEAD");
    Git(Agents(), {"add", "-A"});
    const std::string tree = Git(Agents(), {"write-tree"});
    Git(Agents(), {"read-tree", index});
    const std::string staged = Git(Agents(), {"commit-tree", "-p", head, "-m", "index", index});
    return AddCheckpoint(
        Git(Agents(), {"commit-tree", "-p", head, "-p", staged, "-m", "checkpoint", tree}), head,
        without);
  }
  std::string AddCheckpoint(const std::string& commit, const std::string& head,
                            const std::vector<std::string>& without) {
    v1::Attempt& attempt = *handoff_.add_attempts();
    attempt.set_number(handoff_.attempts_size());
    attempt.set_worker("build-7");
    v1::Checkpoint& checkpoint = *attempt.mutable_checkpoint();
    checkpoint.set_commit(commit);
    checkpoint.set_head_commit(head);
    checkpoint.set_submitted_commit(base_);
    checkpoint.mutable_taken_at()->set_seconds(1'795'000'000);
    const std::string pack = PackOf(commit, without);
    v1::Checkpoint::Pack& added = *checkpoint.add_packs();
    added.set_sha256(coordinator_.SetObject(pack));
    added.set_bytes(pack.size());
    coordinator_.Set(handoff_);
    return commit;
  }
  std::string PackOf(const std::string& commit, const std::vector<std::string>& without) const {
    std::string revisions = commit + "\n";
    for (const std::string& known : without) revisions += "^" + known + "\n";
    SpawnOptions options = Options({});
    options.argv = {"git", "pack-objects", "-q", "--revs", "--stdout"};
    options.cwd = Agents();
    const auto result = RunProcess(options, revisions, absl::Minutes(1));
    CHECK(result.ok() && result->status.code == 0);
    return result->out;
  }
  // One commit and changes that are not committed.
  void Work() {
    Write(Agents() + "/a", "one\ntwo\n");
    Git(Agents(), {"add", "a"});
    Commit(Agents(), "The agent's");
    Write(Agents() + "/new", "not committed\n");
  }

  // Everything but objects and the refs that a fetch may set.
  std::string Untouched() const {
    std::string all = Git(Mine(), {"status", "--porcelain"}) + Rev(Mine(), "HEAD") +
                      Git(Mine(), {"symbolic-ref", "HEAD"}) + *ReadFile(Mine() + "/.git/index");
    for (const std::string& directory : {Mine(), Mine() + "/.git"}) {
      const auto names = ListDirectory(directory);
      CHECK(names.ok());
      for (const std::string& name : *names) all += name + "\n";
    }
    return all;
  }
  size_t Objects() const {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(Mine() + "/.git/objects")) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }
  void ExpectNothingCame(const Said& said, size_t objects) {
    EXPECT_THAT(said.out, IsEmpty());
    EXPECT_EQ(Objects(), objects);
    EXPECT_EQ(Git(Mine(), {"for-each-ref", "refs/heads/handoff", "refs/handoff"}), "");
    EXPECT_THAT(LeftInTemp(), IsEmpty());
  }

  std::string base_;
  v1::Handoff handoff_;
};

}  // namespace handoff
