#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace handoff::tidy {
namespace {

constexpr absl::string_view kFolders[] = {"cli",  "cmake",  "common", "coordinator", "deploy",
                                          "docs", "protos", "tests",  "worker"};
constexpr absl::string_view kEndings[] = {".h",  ".cc", ".proto", ".cmake", ".txt",
                                          ".sh", ".md", ".in",    ".toml"};

SourceFile Load(const std::filesystem::path& root, const std::filesystem::path& path) {
  SourceFile file{std::filesystem::relative(path, root).string(), {}};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(line);
  return file;
}

bool OpensAtColumnZero(const std::string& line) {
  return !line.empty() &&
         (std::isalpha(static_cast<unsigned char>(line[0])) != 0 || line[0] == '_') &&
         !absl::StartsWith(line, "namespace ") && !absl::StartsWith(line, "class ") &&
         !absl::StartsWith(line, "struct ") && !absl::StartsWith(line, "enum ") &&
         !absl::StartsWith(line, "union ") && !absl::StartsWith(line, "extern ") &&
         !absl::StartsWith(line, "using ");
}

}  // namespace

std::vector<SourceFile> LoadSourceTree(const std::string& root) {
  std::vector<SourceFile> files;
  for (const absl::string_view folder : kFolders) {
    const auto start = std::filesystem::path(root) / std::string(folder);
    if (!std::filesystem::exists(start)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(start)) {
      const std::string name = entry.path().filename().string();
      const bool source =
          std::any_of(std::begin(kEndings), std::end(kEndings),
                      [&](absl::string_view ending) { return absl::EndsWith(name, ending); });
      if (entry.is_regular_file() && source) files.push_back(Load(root, entry.path()));
    }
  }
  for (const char* name : {"CMakeLists.txt", "README.md"}) {
    const auto path = std::filesystem::path(root) / name;
    if (std::filesystem::exists(path)) files.push_back(Load(root, path));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<Function> FunctionsOf(const SourceFile& file) {
  std::vector<Function> functions;
  int start = -1;
  for (int i = 0; i < static_cast<int>(file.lines.size()); ++i) {
    const std::string& line = file.lines[i];
    if (OpensAtColumnZero(line) && !absl::EndsWith(line, ";")) start = i;
    if (line == "}" && start >= 0)
      functions.push_back({start + 1, i - start + 1, file.lines[start]});
    if (line == "}" || line == "};" || absl::EndsWith(line, ");")) {
      if (!line.empty() && line[0] == '}') start = -1;
    }
  }
  return functions;
}

std::vector<std::string> IncludesOf(const SourceFile& file) {
  std::vector<std::string> includes;
  for (const std::string& line : file.lines) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, "#include ")) continue;
    if (rest.size() < 3) continue;
    if (rest[0] == '<') {
      includes.emplace_back(rest.substr(0, rest.find('>') + 1));
    } else {
      includes.emplace_back(rest.substr(1, rest.find('"', 1) - 1));
    }
  }
  return includes;
}

std::vector<std::string> ConstantsOf(const SourceFile& file) {
  std::vector<std::string> names;
  for (const std::string& line : file.lines) {
    absl::string_view rest = line;
    (void)(absl::ConsumePrefix(&rest, "inline ") || absl::ConsumePrefix(&rest, "static "));
    if (!absl::StartsWith(rest, "const")) continue;
    const auto words =
        absl::StrSplit(rest.substr(0, rest.find_first_of("=;{[")), ' ', absl::SkipEmpty());
    absl::string_view last;
    for (const absl::string_view word : words) last = word;
    if (last.size() > 1 && last[0] == 'k' && absl::ascii_isupper(last[1])) names.emplace_back(last);
  }
  return names;
}

}  // namespace handoff::tidy
