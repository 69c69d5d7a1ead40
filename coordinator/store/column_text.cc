#include "coordinator/store/column_text.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text.h"

namespace handoff::rows {
namespace {

std::string Escape(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '%' || c == '=') {
      absl::StrAppend(&out, "%", absl::Hex(byte, absl::kZeroPad2));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += FromHex(text.substr(i + 1, 2)).value_or("");
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

template <typename Entries>
std::string EncodeEach(const Entries& entries) {
  std::string out;
  for (const std::string& entry : entries) {
    if (out.empty()) out = "\n";
    absl::StrAppend(&out, Escape(entry), "\n");
  }
  return out;
}

}  // namespace

std::string Encode(const std::map<std::string, std::string>& map) {
  std::string out;
  for (const auto& [key, value] : map) {
    if (out.empty()) out = "\n";
    absl::StrAppend(&out, Escape(key), "=", Escape(value), "\n");
  }
  return out;
}

std::string Encode(const std::set<std::string>& set) { return EncodeEach(set); }
std::string Encode(const std::vector<std::string>& list) { return EncodeEach(list); }

void Decode(absl::string_view text, std::map<std::string, std::string>& map) {
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> entry =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    map.emplace(Unescape(entry.first), Unescape(entry.second));
  }
}

void Decode(absl::string_view text, std::set<std::string>& set) {
  std::vector<std::string> list;
  Decode(text, list);
  set.insert(list.begin(), list.end());
}

void Decode(absl::string_view text, std::vector<std::string>& list) {
  if (text.empty()) return;
  text.remove_prefix(1);  // an empty entry is an empty line
  while (!text.empty()) {
    const size_t end = text.find('\n');
    list.push_back(Unescape(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
}

std::string EntryLine(absl::string_view key, absl::string_view value) {
  return absl::StrCat("\n", Escape(key), "=", Escape(value), "\n");
}

}  // namespace handoff::rows
