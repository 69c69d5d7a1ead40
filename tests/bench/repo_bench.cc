// Git work beside git's own, in one run on one machine: a synthetic repository (20,000 files,
// 2,000 commits, about 48 MB packed) cloned cold over git:// and checked out warm.
//
//   handoff_repo_bench HANDOFF_REPO [FOLDER]     FOLDER: where to work; default $TMPDIR
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/snapshot/snapshot.h"
#include "common/check.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

constexpr int kFiles = 20000;
constexpr int kCommits = 2000;
constexpr int kRounds = 5;

// Words that compress like source text; the same every time.
class Text {
 public:
  std::string Words(int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
      const uint32_t word = Next() % 30000;
      uint32_t letters = word * 2654435761u;
      const int length = static_cast<int>(2 + letters % 9);
      for (int k = 0; k < length; ++k, letters = letters * 1664525u + 1013904223u) {
        out.push_back(static_cast<char>('a' + (letters >> 24) % 26));
      }
      out.push_back(i % 12 == 11 ? '\n' : ' ');
    }
    return out;
  }
  uint32_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

 private:
  uint32_t state_ = 2463534242u;
};

std::string PathOf(int file) {
  return absl::StrFormat("d%02d/e%02d/f%05d.txt", file % 40, file / 40 % 25, file);
}

// Input of git fast-import.
std::string History() {
  Text text;
  std::vector<std::string> contents(kFiles);
  std::string out;
  const auto file = [&](int i) {
    absl::StrAppend(&out, "M 100644 inline ", PathOf(i), "\ndata ", contents[i].size(), "\n",
                    contents[i], "\n");
  };
  for (int commit = 0; commit < kCommits; ++commit) {
    absl::StrAppend(&out, "commit refs/heads/main\ncommitter Ada <ada@example.com> ",
                    1700000000 + commit, " +0000\ndata 2\nc\n");
    for (int i = 0; commit == 0 && i < kFiles; ++i) {
      contents[i] = text.Words(static_cast<int>(100 + text.Next() % 600));
      file(i);
    }
    for (int k = 0; commit > 0 && k < 4; ++k) {
      const int i = static_cast<int>(text.Next() % kFiles);
      contents[i].insert(text.Next() % contents[i].size(), absl::StrCat("changed ", commit, "\n"));
      file(i);
    }
  }
  return out;
}

void MakeRepository(const GitSandbox& git) {
  git.Init("big");
  git.Write("import", History());
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "git fast-import --quiet < ../import && git repack -adq"};
  options.env = git.environment();
  options.cwd = git.Path("big");
  const auto made = RunProcess(options, "", absl::Minutes(10));
  CHECK(made.ok() && made->status.ok());
  git.Git("", {"clone", "-q", "--bare", "big", "served/big.git"});
}

struct Cost {
  double wall = 0, cpu = 0;  // seconds; cpu of this process and of children that ended
};

Cost Measure(const std::function<void()>& work) {
  const auto cpu = [] {
    double seconds = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
      rusage usage;
      ::getrusage(who, &usage);
      for (const timeval& t : {usage.ru_utime, usage.ru_stime}) {
        seconds += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
      }
    }
    return seconds;
  };
  const absl::Time start = absl::Now();
  const double cpu_start = cpu();
  work();
  return {absl::ToDoubleSeconds(absl::Now() - start), cpu() - cpu_start};
}

Cost Median(std::vector<Cost> costs) {
  const auto middle = [&](double Cost::*field) {
    std::sort(costs.begin(), costs.end(),
              [field](const Cost& a, const Cost& b) { return a.*field < b.*field; });
    return costs[costs.size() / 2].*field;
  };
  return {middle(&Cost::wall), middle(&Cost::cpu)};
}

// Alternating, so that both see the same neighbours.
void Compare(const char* what, const char* peer, const std::function<void(int)>& ours,
             const std::function<void(int)>& theirs) {
  std::vector<Cost> a, b;
  for (int i = 0; i < kRounds; ++i) {
    b.push_back(Measure([&] { theirs(i); }));
    a.push_back(Measure([&] { ours(i); }));
  }
  const Cost our = Median(a), their = Median(b);
  std::printf("| %s | %.2f s (CPU %.2f) | %s %.2f s (CPU %.2f) | %.2f × |\n", what, our.wall,
              our.cpu, peer, their.wall, their.cpu, our.wall / their.wall);
}

class Bench {
 public:
  explicit Bench(const std::string& program) : client_(program) {
    ::setenv("HOME", git_.root().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    MakeRepository(git_);
  }

  void Run() {
    std::printf(
        "| what | measured | git, alternating in the same run | ratio |\n|---|---|---|---|\n");
    GitDaemon daemon(git_, git_.Path("served"));
    const std::string url = daemon.Url("big.git");
    Compare(
        "cold clone of 48 MB over git:// and checkout of 20,000 files (aim ≤ 1.1 ×)",
        "`git clone`:",
        [&](int i) {
          git_.Remove("worker");
          Prepare(url, absl::StrCat("cold", i), "");
        },
        [&](int) {
          git_.Remove("clone");
          git_.Git("", {"clone", "-q", url, "clone"});
        });
    const std::string head = git_.Git("served/big.git", {"rev-parse", "main"}).substr(0, 40);
    Compare(
        "warm checkout of 20,000 files (aim ≤ 1 ×)", "`git worktree add`, 2 workers:",
        [&](int i) { Prepare(url, absl::StrCat("warm", i), head); },
        [&](int) {
          git_.Remove("linked");
          git_.Git("served/big.git", {"worktree", "prune"});
          git_.Git("served/big.git", {"-c", "checkout.workers=2", "worktree", "add", "-q",
                                      "--detach", git_.Path("linked"), "main"});
        });
    const PrepareRequest warm = Request(url, "warm0");
    Compare(
        "facts of an unchanged workspace",
        "`git status`:", [&](int) { CHECK(client_.Facts(FactsFor(warm, head), -1).ok()); },
        [&](int) {
          git_.Git(warm.workspace, {"status", "--porcelain"});
        });
    git_.Git("", {"clone", "-q", url, "work"});
    git_.Write("work/" + PathOf(7), "changed\n");
    git_.Write("work/new", "new\n");
    Compare(
        "snapshot of a dirty tree, origin asked",
        "`git status`, `git ls-remote`:", [&](int) { Take(); },
        [&](int) {
          git_.Git("work", {"status", "--porcelain"});
          git_.Git("work", {"ls-remote", "-q"});
        });
  }

 private:
  PrepareRequest Request(const std::string& url, const std::string& id) {
    PrepareRequest request = RequestOn(git_.Path("worker"), id);
    request.url = url;
    return request;
  }
  void Prepare(const std::string& url, const std::string& id, const std::string& commit) {
    PrepareRequest request = Request(url, id);
    request.commit = commit;
    const auto result = client_.Prepare(request, -1, nullptr);
    CHECK(result.ok());
  }
  void Take() {
    const auto temp = TempDir::Make("handoff-bench-");
    CHECK(temp.ok());
    const auto snapshot = TakeSnapshot(git_.Path("work"), {}, *temp);
    CHECK(snapshot.ok() && !snapshot->pack_complete);
  }

  GitSandbox git_;
  RepoClient client_;
};

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: handoff_repo_bench HANDOFF_REPO [FOLDER]\n");
    return 2;
  }
  if (argc == 3) ::setenv("TMPDIR", argv[2], 1);
  handoff::Bench(argv[1]).Run();
  return 0;
}
