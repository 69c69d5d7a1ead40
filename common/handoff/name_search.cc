#include "common/handoff/name_search.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

// "é" is six bytes long and folds to one or two.
constexpr size_t kMostBytesForOne = 6;

bool IsWord(unsigned char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-' || c >= 0x80; }

void AppendSpace(std::string& out) {
  if (out.empty() || out.back() != ' ') out.push_back(' ');
}

std::string Folded(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      AppendSpace(out);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

void AppendUtf8(uint32_t point, std::string& out) {
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (point >> 6)));
    out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xe0 | (point >> 12)));
    out.push_back(static_cast<char>(0x80 | ((point >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
  }
}

std::optional<uint32_t> HexPoint(absl::string_view digits) {
  uint32_t point = 0;
  if (digits.size() != 4 || !absl::SimpleHexAtoi(digits, &point)) return std::nullopt;
  return point;
}

// One level of a JSON string's escapes read, white space folded.
std::string Unescaped(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      AppendSpace(out);
      continue;
    }
    if (c != '\\' || i + 1 == text.size()) {
      out.push_back(c);
      continue;
    }
    const char kind = text[++i];
    if (absl::StrContains("ntrbf", kind)) {
      AppendSpace(out);
    } else if (const auto point = kind == 'u' ? HexPoint(text.substr(i + 1, 4)) : std::nullopt) {
      i += 4;
      if (*point < 0x80 && absl::ascii_isspace(static_cast<unsigned char>(*point))) {
        AppendSpace(out);
      } else {
        AppendUtf8(*point, out);
      }
    } else {
      out.push_back(kind);
    }
  }
  return out;
}

// What stands before a name does not belong to it.
bool BeginsAt(const std::string& text, size_t at, char first) {
  if (at == 0) return true;
  const auto before = static_cast<unsigned char>(text[at - 1]);
  if (first == '/') return !IsWord(before) && before != '.' && before != '/';
  if (!IsWord(static_cast<unsigned char>(first)) && first != '.') return true;
  return !IsWord(before) && before != '.';
}

bool EndsAt(const std::string& text, size_t end, char last) {
  if (end == text.size() || !IsWord(static_cast<unsigned char>(last))) return true;
  const auto after = static_cast<unsigned char>(text[end]);
  if (after == '.' && end + 1 < text.size()) {
    return !absl::ascii_isalnum(static_cast<unsigned char>(text[end + 1]));
  }
  return !IsWord(after);
}

}  // namespace

NameSearch::NameSearch(std::vector<std::string> names) {
  size_t longest = 0;
  for (std::string& name : names) {
    longest = std::max(longest, name.size());
    wanted_.push_back({std::move(name), false});
  }
  keep_ = kMostBytesForOne * (longest + 4);
}

void NameSearch::Look(const std::string& text, bool begins, bool ends) {
  for (Wanted& wanted : wanted_) {
    const std::string& name = wanted.name;
    for (size_t at = wanted.found ? std::string::npos : text.find(name); at != std::string::npos;
         at = text.find(name, at + 1)) {
      const size_t end = at + name.size();
      // What is cut off beside it may belong to it; the pieces overlap, so it comes whole, too.
      if ((at == 0 && !begins) || (end + 1 >= text.size() && !ends)) continue;
      if (!BeginsAt(text, at, name.front()) || !EndsAt(text, end, name.back())) continue;
      wanted.found = true;
      break;
    }
  }
}

void NameSearch::Take(absl::string_view piece) {
  absl::StrAppend(&carried_, piece);
  Look(Folded(carried_), !begun_, /*ends=*/false);
  if (absl::StrContains(carried_, '\\')) Look(Unescaped(carried_), !begun_, /*ends=*/false);
  if (carried_.size() <= keep_) return;
  carried_.erase(0, carried_.size() - keep_);
  begun_ = true;
}

void NameSearch::End() {
  Look(Folded(carried_), !begun_, /*ends=*/true);
  Look(Unescaped(carried_), !begun_, /*ends=*/true);
  carried_.clear();
  begun_ = false;
}

bool NameSearch::all_found() const {
  return std::all_of(wanted_.begin(), wanted_.end(), [](const Wanted& w) { return w.found; });
}

std::string NameSearch::first_missing() const {
  const auto missing =
      std::find_if(wanted_.begin(), wanted_.end(), [](const Wanted& w) { return !w.found; });
  return missing == wanted_.end() ? "" : missing->name;
}

}  // namespace handoff
