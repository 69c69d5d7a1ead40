// The project's own sources as text, for house rules that are tests.
#pragma once

#include <string>
#include <vector>

namespace handoff::tidy {

struct SourceFile {
  std::string path;  // relative to the root
  std::vector<std::string> lines;
};

struct Function {
  int line = 0;    // from 1
  int length = 0;  // lines, first to closing brace
  std::string head;
};

// All .h, .cc, .proto, .cmake, .txt, .sh and .md files of the project, sorted by path; build trees
// are left out.
std::vector<SourceFile> LoadSourceTree(const std::string& root);

// Definitions whose closing brace stands at column 0: free functions and methods outside of
// classes.
std::vector<Function> FunctionsOf(const SourceFile& file);

// The targets of `#include "..."`, and of <...> with the brackets kept.
std::vector<std::string> IncludesOf(const SourceFile& file);

// The names of its constants, kName, that no class or function is around. Of one defined over two
// lines only what the first line says counts.
std::vector<std::string> ConstantsOf(const SourceFile& file);

}  // namespace handoff::tidy
