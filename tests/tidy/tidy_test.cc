// House rules as tests: layering, sizes, and what must not stand in the tree. Each rule names file
// and line.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tidy/source_tree.h"

namespace handoff::tidy {
namespace {

using ::testing::IsEmpty;

const std::vector<SourceFile>& Tree() {
  static const auto* const tree = new std::vector<SourceFile>(LoadSourceTree(HANDOFF_SOURCE_DIR));
  return *tree;
}

bool IsCode(const SourceFile& file) {
  return absl::EndsWith(file.path, ".h") || absl::EndsWith(file.path, ".cc");
}
bool IsTest(const SourceFile& file) { return absl::StartsWith(file.path, "tests/"); }

bool StartsWithAny(absl::string_view text, const std::vector<absl::string_view>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](absl::string_view p) { return absl::StartsWith(text, p); });
}

// What a folder may include of the project, and which outside headers it must not. The longest
// prefix counts.
struct Layer {
  std::vector<absl::string_view> may;
  std::vector<absl::string_view> must_not;
};
const std::map<std::string, Layer, std::greater<>>& Layers() {
  static const auto* const layers = new std::map<std::string, Layer, std::greater<>>{
      {"common/", {{"common/"}, {"<grpc", "grpc", "<git2", "handoff/v1/", "<sqlite3", "<spdlog"}}},
      {"common/log", {{"common/"}, {"<grpc", "grpc", "<git2", "handoff/v1/"}}},
      {"common/git/", {{"common/"}, {"<grpc", "grpc", "handoff/v1/", "<sqlite3"}}},
      {"common/identity/",
       {{"common/identity/", "common/check.h", "common/file.h", "common/hash.h",
         "common/only_ours.h", "common/peer_name.h", "common/regular_file.h", "common/status.h",
         "common/text.h"},
        {"<grpc", "grpc", "<git2", "handoff/v1/", "<sqlite3", "<spdlog"}}},
      {"common/rpc/", {{"common/"}, {"<git2", "<sqlite3"}}},
      {"common/handoff/", {{"common/"}, {"<grpc", "grpc", "<git2", "handoff/v1/", "<sqlite3"}}},
      {"common/handoff/describe",
       {{"common/", "handoff/v1/"}, {"<grpc", "grpc", "<git2", "<sqlite3"}}},
      {"coordinator/core/",
       {{"coordinator/core/", "common/handoff/", "common/backoff.h", "common/check.h",
         "common/hash.h", "common/peer_name.h", "common/text.h", "common/status.h"},
        {"<grpc", "grpc", "<git2", "handoff/v1/", "<sqlite3", "<thread", "<mutex", "<fstream",
         "<unordered_", "<iostream", "<chrono", "absl/container/flat", "absl/container/node",
         "absl/synchronization", "absl/time/clock.h", "<spdlog", "<random"}}},
      {"coordinator/store/",
       {{"coordinator/core/", "coordinator/store/", "common/"}, {"<grpc", "grpc", "<git2"}}},
      {"coordinator/engine",
       {{"coordinator/core/", "coordinator/store/", "coordinator/engine", "common/"},
        {"<grpc", "grpc", "<git2", "handoff/v1/"}}},
      {"coordinator/log_",
       {{"coordinator/log_", "common/"}, {"<grpc", "grpc", "<git2", "handoff/v1/", "<sqlite3"}}},
      {"coordinator/object_store",
       {{"coordinator/object_store", "common/"},
        {"<grpc", "grpc", "<git2", "handoff/v1/", "<sqlite3"}}},
      {"coordinator/", {{"coordinator/", "common/", "handoff/v1/"}, {"<git2"}}},
      {"worker/core/",
       {{"worker/core/", "common/handoff/", "common/backoff.h", "common/check.h", "common/clock.h",
         "common/text.h", "common/status.h"},
        {"<grpc", "grpc", "<git2", "handoff/v1/", "<thread", "<mutex", "<fstream", "<unordered_",
         "<spdlog"}}},
      {"worker/agent/", {{"worker/agent/", "common/"}, {"<grpc", "grpc", "<git2", "handoff/v1/"}}},
      {"worker/shim/",
       {{"worker/shim/", "common/"}, {"<grpc", "grpc", "<git2", "handoff/v1/", "<spdlog"}}},
      {"worker/repo/", {{"worker/repo/", "common/", "handoff/v1/types.pb.h"}, {"<grpc", "grpc"}}},
      {"worker/", {{"worker/", "common/", "handoff/v1/"}, {"<git2", "<sqlite3"}}},
      {"cli/", {{"cli/", "common/", "handoff/v1/"}, {"<sqlite3"}}},
      {"cli/fetched/", {{"cli/fetched/", "common/"}, {"<grpc", "grpc", "handoff/v1/", "<sqlite3"}}},
      {"cli/snapshot/",
       {{"cli/snapshot/", "common/"}, {"<grpc", "grpc", "handoff/v1/", "<sqlite3"}}},
      {"cli/taken/",
       {{"cli/taken/", "cli/fetched/", "cli/snapshot/", "common/"},
        {"<grpc", "grpc", "handoff/v1/", "<sqlite3"}}},
      // What it renders of CI and of a snapshot is plain values.
      {"cli/text/",
       {{"cli/text/", "cli/ci.h", "cli/snapshot/snapshot.h", "common/", "handoff/v1/"},
        {"<grpc", "grpc", "<git2", "<sqlite3"}}},
      {"cmake/", {{"cmake/"}, {}}},
  };
  return *layers;
}

bool IsOurs(absl::string_view include) {
  return StartsWithAny(include,
                       {"common/", "coordinator/", "worker/", "cli/", "handoff/v1/", "tests/"});
}

TEST(Layering, FoldersIncludeOnlyWhatLiesBelowThem) {
  std::vector<std::string> wrong;
  for (const SourceFile& file : Tree()) {
    if (!IsCode(file) || IsTest(file)) continue;
    const auto layer = std::find_if(Layers().begin(), Layers().end(), [&](const auto& entry) {
      return absl::StartsWith(file.path, entry.first);
    });
    ASSERT_NE(layer, Layers().end()) << file.path << " belongs to no layer: add it to the table";
    for (const std::string& include : IncludesOf(file)) {
      const bool refused = StartsWithAny(include, layer->second.must_not) ||
                           (IsOurs(include) && !StartsWithAny(include, layer->second.may));
      if (refused) wrong.push_back(absl::StrCat(file.path, " includes ", include));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Layering, GeneratedAndGrpcHeadersStayOutOfHeaders) {
  std::vector<std::string> wrong;
  for (const SourceFile& file : Tree()) {
    if (!absl::EndsWith(file.path, ".h") || IsTest(file)) continue;
    for (const std::string& include : IncludesOf(file)) {
      const bool heavy =
          absl::StartsWith(include, "handoff/v1/") || absl::StartsWith(include, "<grpc");
      // The reactors and converters are the RPC layer itself; nothing else may include those
      // headers. What is precompiled is included by nobody.
      const bool rpc_layer = StartsWithAny(
          file.path, {"coordinator/service/", "common/rpc/", "worker/rpc/", "cmake/precompiled/"});
      if (heavy && !rpc_layer) wrong.push_back(absl::StrCat(file.path, " includes ", include));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Sizes, FilesAndFunctionsStayWithinTheStyleCard) {
  std::vector<std::string> wrong;
  for (const SourceFile& file : Tree()) {
    if (!IsCode(file)) continue;
    const size_t limit = absl::EndsWith(file.path, ".h") ? 150 : IsTest(file) ? 1000 : 500;
    if (file.lines.size() > limit)
      wrong.push_back(absl::StrCat(file.path, ": ", file.lines.size(), " lines > ", limit));
    for (const Function& function : FunctionsOf(file)) {
      const int most = IsTest(file) ? 100 : 60;
      if (function.length > most) {
        wrong.push_back(
            absl::StrCat(file.path, ":", function.line, ": ", function.length, " lines > ", most));
      }
    }
    for (size_t i = 0; i < file.lines.size(); ++i) {
      // Bytes are not columns: only ASCII lines can be judged by their size.
      const bool ascii =
          std::all_of(file.lines[i].begin(), file.lines[i].end(), [](char c) { return c >= 0; });
      if (ascii && file.lines[i].size() > 100)
        wrong.push_back(absl::StrCat(file.path, ":", i + 1, ": line > 100 columns"));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Layering, CryptographyStaysOutOfHeaders) {
  std::vector<std::string> wrong;
  for (const SourceFile& file : Tree()) {
    // That one is for the sources of its folder.
    if (!absl::EndsWith(file.path, ".h") || file.path == "common/identity/openssl.h") continue;
    for (const std::string& include : IncludesOf(file)) {
      if (StartsWithAny(include, {"<openssl/", "<sodium", "common/identity/openssl.h"})) {
        wrong.push_back(absl::StrCat(file.path, " includes ", include));
      }
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

std::string FolderOf(absl::string_view path) {
  return std::string(path.substr(0, path.rfind('/') + 1));
}

// What the sources of a folder include, and what that includes, and so on.
std::set<const SourceFile*> HeadersOf(const std::string& folder,
                                      const std::map<std::string, const SourceFile*>& by_path) {
  std::vector<const SourceFile*> left;
  for (const auto& [path, file] : by_path)
    if (FolderOf(path) == folder && absl::EndsWith(path, ".cc")) left.push_back(file);
  std::set<const SourceFile*> headers;
  while (!left.empty()) {
    const SourceFile* const file = left.back();
    left.pop_back();
    for (const std::string& include : IncludesOf(*file)) {
      const auto header = by_path.find(include);
      if (header == by_path.end() || !headers.insert(header->second).second) continue;
      left.push_back(header->second);
    }
  }
  return headers;
}

std::string HiddenConstants(const std::vector<SourceFile>& tree) {
  std::map<std::string, const SourceFile*> by_path;
  std::map<std::string, std::vector<const SourceFile*>> sources;  // by folder
  for (const SourceFile& file : tree) {
    by_path[file.path] = &file;
    if (absl::EndsWith(file.path, ".cc")) sources[FolderOf(file.path)].push_back(&file);
  }
  std::string hidden;
  for (const auto& [folder, files] : sources) {
    std::map<std::string, std::string> of_headers;  // name -> path
    for (const SourceFile* const header : HeadersOf(folder, by_path))
      for (const std::string& name : ConstantsOf(*header)) of_headers[name] = header->path;
    for (const SourceFile* const file : files) {
      for (const std::string& name : ConstantsOf(*file)) {
        const auto of_header = of_headers.find(name);
        if (of_header == of_headers.end()) continue;
        absl::StrAppend(&hidden, name, " of ", file->path, " hides that of ", of_header->second,
                        " where several files are compiled as one (ADR 33)\n");
      }
    }
  }
  return hidden;
}

TEST(Layering, NoConstantOfASourceIsNamedLikeOneOfAHeader) {
  EXPECT_EQ(HiddenConstants(Tree()), "");
}

// The words are put together here so that this file does not break its own rules.
TEST(Words, NothingIsLeftForLaterAndNothingSleeps) {
  const std::vector<std::string> anywhere = {absl::StrCat("TO", "DO"), absl::StrCat("FIX", "ME"),
                                             absl::StrCat("XX", "X:")};
  const std::vector<std::string> in_tests = {
      absl::StrCat("sleep", "_for"), absl::StrCat("Sleep", "For("), absl::StrCat("u", "sleep("),
      absl::StrCat("DIS", "ABLED_")};
  const std::vector<std::string> in_product = {absl::StrCat("std::this_thread::", "sleep"),
                                               absl::StrCat("for", "k()")};
  std::vector<std::string> wrong;
  for (const SourceFile& file : Tree()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const auto has = [&](const std::string& word) {
        return absl::StrContains(file.lines[i], word);
      };
      bool bad = std::any_of(anywhere.begin(), anywhere.end(), has);
      if (IsTest(file)) bad |= std::any_of(in_tests.begin(), in_tests.end(), has);
      if (IsCode(file) && !IsTest(file))
        bad |= std::any_of(in_product.begin(), in_product.end(), has);
      if (bad) wrong.push_back(absl::StrCat(file.path, ":", i + 1, ": ", file.lines[i]));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

// Without what stands between quotes, which is for people.
std::string Unquoted(absl::string_view line) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && (i == 0 || (line[i - 1] != '\\' && line[i - 1] != '\'')))
      quoted = !quoted;
    if (!quoted) out.push_back(line[i]);
  }
  return out;
}

TEST(Words, MemoryIsOwnedByTypes) {
  std::vector<std::string> wrong;
  for (const SourceFile& file : Tree()) {
    if (!IsCode(file) || IsTest(file)) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (absl::StrContains(file.lines[i], "//")) continue;
      const std::string line = Unquoted(file.lines[i]);
      const bool deletes =
          absl::StrContains(line, "delete ") && !absl::StrContains(line, "= delete");
      // gRPC's reactors own themselves until OnDone: one base class may delete itself.
      if (deletes && !absl::StrContains(file.path, "reactor")) {
        wrong.push_back(absl::StrCat(file.path, ":", i + 1, ": ", line));
      }
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

// The rules themselves can fail: they are tried on sources that break them.
TEST(Rules, FunctionLengthIsMeasuredToTheClosingBrace) {
  const SourceFile file{"x.cc",
                        {"namespace a {", "int F() {", "  return 1;", "}", "", "void G(int a,",
                         "       int b) {", "}", "}  // namespace a"}};
  const auto functions = FunctionsOf(file);
  ASSERT_EQ(functions.size(), 2u);
  EXPECT_EQ(functions[0].length, 3);
  EXPECT_EQ(functions[1].line, 6);
  EXPECT_EQ(functions[1].length, 3);
}

TEST(Rules, WhatIsQuotedIsNoCode) {
  EXPECT_EQ(Unquoted("Say(\"delete x\", y);"), "Say(\", y);");
  EXPECT_EQ(Unquoted("delete x;"), "delete x;");
}

TEST(Rules, IncludesAreFoundInBothForms) {
  const SourceFile file{"x.cc", {"#include <mutex>", "#include \"common/file.h\"  // why"}};
  EXPECT_THAT(IncludesOf(file), ::testing::ElementsAre("<mutex>", "common/file.h"));
}

TEST(Rules, ConstantsAreFoundWhateverTheirType) {
  const SourceFile file{"x.cc",
                        {"constexpr int kA = 1;", "inline constexpr std::array<int, kN> kB{};",
                         "const char kC[kSize] = \"\";", "  constexpr int kInside = 2;",
                         "const std::string& Name();"}};
  EXPECT_THAT(ConstantsOf(file), ::testing::ElementsAre("kA", "kB", "kC"));
}

TEST(Rules, AHiddenConstantIsFoundThroughWhatANeighbourIncludes) {
  const SourceFile limits{"common/limits.h", {"inline constexpr int kMost = 1;"}};
  const SourceFile between{"service/between.h", {"#include \"common/limits.h\""}};
  const SourceFile reader{"service/reader.cc", {"#include \"service/between.h\""}};
  const SourceFile writer{"service/writer.cc", {"constexpr int kMost = 2;"}};
  const SourceFile elsewhere{"other/writer.cc", {"constexpr int kMost = 2;"}};
  EXPECT_EQ(HiddenConstants({limits, between, reader, writer, elsewhere}),
            "kMost of service/writer.cc hides that of common/limits.h where several files are "
            "compiled as one (ADR 33)\n");
}

TEST(Rules, TheTreeWasRead) { EXPECT_GT(Tree().size(), 30u); }

}  // namespace
}  // namespace handoff::tidy
