// Which files and commands a text names: NamesIn of summary.h.
//
// What stands in code is taken by its word. Outside of code only what has the look of a path, a
// file, a flag or a well-known program is; a name that has none of it (a directory without a slash,
// an unknown program) is read over, and so the prompt asks for code spans.
#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/handoff/markdown.h"
#include "common/handoff/summary.h"

namespace handoff {
namespace {

using Words = std::vector<absl::string_view>;

template <size_t N>
bool IsOneOf(const std::array<absl::string_view, N>& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<absl::string_view, 84> kExtensions = {
    "a",     "asm",  "awk",  "bat",    "bin",  "c",    "cc",    "cfg",  "cjs",    "cmake", "conf",
    "cpp",   "cs",   "css",  "csv",    "cxx",  "dart", "diff",  "el",   "env",    "erl",   "ex",
    "exs",   "fish", "go",   "gradle", "h",    "hh",   "hpp",   "hs",   "htm",    "html",  "hxx",
    "in",    "inc",  "ini",  "ipynb",  "java", "jl",   "js",    "json", "jsonl",  "jsx",   "kt",
    "less",  "lock", "log",  "lua",    "m",    "md",   "mjs",   "mk",   "ml",     "nix",   "o",
    "patch", "pdf",  "php",  "pl",     "pm",   "png",  "proto", "ps1",  "py",     "pyi",   "rb",
    "rs",    "rst",  "s",    "scala",  "scss", "sh",   "so",    "sql",  "svelte", "svg",   "swift",
    "tex",   "tf",   "toml", "ts",     "tsx",  "txt",  "vue"};
constexpr std::array<absl::string_view, 7> kMoreExtensions = {"xml", "yaml", "yml",  "zig",
                                                              "zsh", "wasm", "bazel"};
constexpr std::array<absl::string_view, 9> kFiles = {"Makefile",      "GNUmakefile", "Dockerfile",
                                                     "Containerfile", "Jenkinsfile", "Rakefile",
                                                     "Gemfile",       "Procfile",    "Vagrantfile"};
// Programs whose names are no words of a sentence.
constexpr std::array<absl::string_view, 36> kPrograms = {
    "bazel",  "cargo", "ccache", "chmod", "chown",  "clang", "cmake", "ctest",   "curl",
    "docker", "gcc",   "gdb",    "git",   "gradle", "grep",  "jest",  "kubectl", "meson",
    "mkdir",  "mvn",   "ninja",  "npm",   "npx",    "pip",   "pnpm",  "podman",  "pytest",
    "rm",     "rsync", "rustc",  "sed",   "ssh",    "sudo",  "tox",   "wget",    "yarn"};
// Those that are: commands only behind "run" and its forms.
constexpr std::array<absl::string_view, 10> kWordPrograms = {
    "bash", "go", "make", "node", "perl", "python", "python3", "ruby", "sh", "tar"};
constexpr std::array<absl::string_view, 9> kRun = {
    "ran", "run", "runs", "running", "rerun", "re-run", "execute", "executed", "executing"};
// What is no argument when it follows a program.
constexpr std::array<absl::string_view, 30> kNoArguments = {
    "a",        "after", "again", "an",   "and",  "as", "at",    "but", "by",   "command",
    "commands", "for",   "from",  "in",   "is",   "it", "of",    "on",  "once", "or",
    "so",       "that",  "the",   "then", "this", "to", "twice", "was", "with", "without"};
// With a slash, and no paths.
constexpr std::array<absl::string_view, 22> kProse = {
    "and/or",       "either/or",  "yes/no",          "true/false", "on/off",        "pass/fail",
    "n/a",          "i/o",        "input/output",    "read/write", "his/her",       "he/she",
    "s/he",         "w/o",        "tcp/ip",          "ci/cd",      "client/server", "add/remove",
    "before/after", "start/stop", "success/failure", "km/h"};
constexpr std::array<absl::string_view, 5> kProseFiles = {"node.js", "next.js", "vue.js",
                                                          "three.js", "asp.net"};

bool HasAlnum(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c >= 0x80; });
}

std::string Folded(absl::string_view text) {
  std::string out(text);
  absl::RemoveExtraAsciiWhitespace(&out);
  return out;
}

// "foo.cc:12", "foo.cc:12:5", "foo.cc:12-20" → "foo.cc".
absl::string_view WithoutLine(absl::string_view file) {
  const size_t end = file.find_last_not_of("0123456789:-");
  if (end == absl::string_view::npos || end + 1 >= file.size() || file[end + 1] != ':') return file;
  return file.substr(0, end + 1);
}

std::string Canonical(absl::string_view text) {
  const std::string folded = Folded(text);
  absl::string_view name = folded;
  absl::ConsumePrefix(&name, "$ ");
  if (!absl::StrContains(name, ' ')) {
    name = WithoutLine(name);
    absl::ConsumePrefix(&name, "./");
    absl::ConsumeSuffix(&name, "()");
    while (name.size() > 1 && absl::EndsWith(name, "/")) name.remove_suffix(1);
  }
  return std::string(name);
}

bool LooksLikeFile(absl::string_view word) {
  if (IsOneOf(kFiles, word)) return true;
  const size_t dot = word.rfind('.');
  if (dot == absl::string_view::npos || dot + 1 == word.size()) return false;
  const std::string extension = absl::AsciiStrToLower(word.substr(dot + 1));
  if (dot == 0) {  // ".gitignore"
    return extension.size() > 1 &&
           std::all_of(extension.begin(), extension.end(),
                       [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-'; }) &&
           !absl::ascii_isdigit(static_cast<unsigned char>(extension[0]));
  }
  if (IsOneOf(kProseFiles, absl::AsciiStrToLower(word))) return false;
  return HasAlnum(word.substr(0, dot)) &&
         (IsOneOf(kExtensions, extension) || IsOneOf(kMoreExtensions, extension));
}

bool LooksLikePath(absl::string_view word) {
  if (!absl::StrContains(word, '/') || !HasAlnum(word)) return false;
  const bool number = word.find_first_not_of("0123456789/.,%~") == absl::string_view::npos;
  return !number && !IsOneOf(kProse, absl::AsciiStrToLower(word));
}

bool LooksLikeFlag(absl::string_view word) {
  return word.size() > 3 && absl::StartsWith(word, "--") &&
         absl::ascii_isalpha(static_cast<unsigned char>(word[2]));
}

absl::string_view Trimmed(absl::string_view word) {
  while (!word.empty() && absl::StrContains(".:!?", word.back())) word.remove_suffix(1);
  while (!word.empty() && absl::StrContains(":!?", word.front())) word.remove_prefix(1);
  // Emphasis; one alone belongs to the name.
  while (word.size() > 2 && word.front() == '_' && word.back() == '_') {
    word.remove_prefix(1);
    word.remove_suffix(1);
  }
  return word;
}

class Collector {
 public:
  explicit Collector(bool prompt) : prompt_(prompt) {}

  std::vector<std::string> Collect(absl::string_view body) {
    for (const absl::string_view line : Lines(body)) {
      if (!TakeFence(line)) TakeLine(line);
    }
    EndProse();
    return std::move(names_);
  }

 private:
  bool TakeFence(absl::string_view line) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    const char mark = text.empty() ? '\0' : text[0];
    if (mark != '`' && mark != '~') return false;
    const size_t run = std::min(text.find_first_not_of(mark), text.size());
    const std::string info = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text.substr(run)));
    if (run < 3 || absl::StrContains(info, '`')) return false;
    if (fence_ > 0 && (mark != mark_ || run < fence_ || !info.empty())) return false;
    mark_ = mark;
    EndProse();
    constexpr std::array<absl::string_view, 5> kPlain = {"text", "txt", "plain", "md", "markdown"};
    in_code_ = fence_ == 0 && !IsOneOf(kPlain, info) && !(prompt_ && info.empty());
    fence_ = fence_ == 0 ? run : 0;
    return true;
  }

  void TakeLine(absl::string_view line) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    const bool comment = absl::StartsWith(text, "# ") || absl::StartsWith(text, "// ");
    if ((fence_ > 0 && in_code_ && !comment) || absl::StartsWith(text, "$ ")) {
      absl::string_view command = text;
      absl::ConsumeSuffix(&command, "\\");  // goes on in the next line
      Add(command);
    } else {
      absl::StrAppend(&prose_, line, "\n");
    }
  }

  // Spans may go over line ends, so a stretch of prose is read as one.
  void EndProse() {
    absl::string_view rest = prose_;
    std::string outside;
    while (!rest.empty()) {
      const size_t tick = rest.find('`');
      absl::StrAppend(&outside, rest.substr(0, tick));
      if (tick == absl::string_view::npos) break;
      rest.remove_prefix(tick);
      const size_t run = std::min(rest.find_first_not_of('`'), rest.size());
      const absl::string_view marks = rest.substr(0, run);
      const size_t end = EndOfSpan(rest, marks);
      outside.push_back(' ');
      if (end != absl::string_view::npos) Add(rest.substr(run, end - run));
      rest.remove_prefix(end == absl::string_view::npos ? run : end + run);
    }
    ReadWords(outside);
    prose_.clear();
  }

  // Where a run of exactly as many marks begins again.
  static size_t EndOfSpan(absl::string_view text, absl::string_view marks) {
    for (size_t at = text.find(marks, marks.size()); at != absl::string_view::npos;) {
      const size_t end = std::min(text.find_first_not_of('`', at), text.size());
      if (end - at == marks.size()) return at;
      at = text.find(marks, end);
    }
    return absl::string_view::npos;
  }

  void ReadWords(absl::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool escape = text[i] == '\\' && i + 1 < text.size() &&
                          absl::ascii_ispunct(static_cast<unsigned char>(text[i + 1]));
      if (!escape) plain.push_back(text[i]);
    }
    const Words words =
        absl::StrSplit(plain, absl::ByAnyChar(" \t\n()[]{}<>\"'|,;*"), absl::SkipEmpty());
    for (size_t i = 0; i < words.size(); ++i) ReadWord(words, i);
  }

  void ReadWord(const Words& words, size_t i) {
    const absl::string_view word = Trimmed(words[i]);
    if (LooksLikePath(word) || LooksLikeFile(WithoutLine(word)) || LooksLikeFlag(word)) Add(word);
    const bool program = IsOneOf(kPrograms, word);
    if (program) Add(word);
    const bool run = i > 0 && IsOneOf(kRun, absl::AsciiStrToLower(words[i - 1]));
    if (!run || !(program || IsOneOf(kWordPrograms, word))) return;
    const absl::string_view argument = i + 1 < words.size() ? Trimmed(words[i + 1]) : "";
    const bool ends = word.size() != words[i].size();  // a sentence
    if (ends || argument.empty() || IsOneOf(kNoArguments, absl::AsciiStrToLower(argument))) {
      Add(word);
    } else {
      Add(absl::StrCat(word, " ", argument));
    }
  }

  void Add(absl::string_view text) {
    std::string name = Canonical(text);
    if (!HasAlnum(name) || std::find(names_.begin(), names_.end(), name) != names_.end()) return;
    names_.push_back(std::move(name));
  }

  const bool prompt_;
  size_t fence_ = 0;  // length of the one that is open
  char mark_ = '`';   // of which it is made
  bool in_code_ = false;
  std::string prose_;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<std::string> NamesIn(absl::string_view body, bool prompt) {
  return Collector(prompt).Collect(body);
}

}  // namespace handoff
