#include "common/text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace handoff {
namespace {

// Length of the UTF-8 character at the start of `text`, 0 if it is not one. `*code` gets the code
// point.
size_t DecodeUtf8(absl::string_view text, uint32_t* code) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    *code = lead;
    return 1;
  }
  size_t length = 0;
  uint32_t least = 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2, least = 0x80, *code = lead & 0x1f;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3, least = 0x800, *code = lead & 0x0f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4, least = 0x10000, *code = lead & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    *code = (*code << 6) | (byte(i) & 0x3f);
  }
  const bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
  return *code < least || *code > 0x10ffff || surrogate ? 0 : length;
}

// Bytes of an escape sequence at the start of `text` (which begins with ESC, or a C1 introducer of
// `lead` bytes).
size_t EscapeLength(absl::string_view text, size_t lead, char kind) {
  size_t i = lead;
  if (kind == '[') {  // CSI: parameters, then one final byte.
    while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3f) ++i;
    return i < text.size() && text[i] >= 0x40 ? i + 1 : i;
  }
  if (kind == ']' || kind == 'P' || kind == '_' || kind == '^' || kind == 'X') {
    // A string: up to BEL or ST. An unterminated one ends at the line, so that it cannot swallow
    // the rest.
    for (; i < text.size() && text[i] != '\n'; ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '\\') return i + 2;
      if (text[i] == '\xc2' && i + 1 < text.size() && text[i + 1] == '\x9c') return i + 2;
    }
    return i;
  }
  return i;
}

bool IsHidden(uint32_t code) {
  return (code < 0x20 && code != '\n' && code != '\t') || code == 0x7f ||
         (code >= 0x80 && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || (code >= 0x200b && code <= 0x200f) ||
         code == 0xfeff || code == 0x2028 || code == 0x2029;
}

}  // namespace

bool IsValidUtf8(absl::string_view text) {
  uint32_t code;
  while (!text.empty()) {
    const size_t n = DecodeUtf8(text, &code);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string EscapeInvalidUtf8(absl::string_view bytes) {
  std::string out;
  uint32_t code;
  while (!bytes.empty()) {
    const size_t n = DecodeUtf8(bytes, &code);
    if (n == 0) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(bytes[0]));
      bytes.remove_prefix(1);
    } else {
      absl::StrAppend(&out, bytes.substr(0, n));
      bytes.remove_prefix(n);
    }
  }
  return out;
}

std::string StripControls(absl::string_view text) {
  std::string out;
  uint32_t code;
  while (!text.empty()) {
    if (text[0] == '\x1b') {
      const char kind = text.size() > 1 ? text[1] : '\0';
      const bool intermediate = kind >= 0x20 && kind <= 0x2f;  // ESC ( B and the like: three bytes
      const size_t simple = std::min<size_t>(text.size(), intermediate ? 3 : 2);
      const bool string_or_csi =
          kind == '[' || kind == ']' || kind == 'P' || kind == '_' || kind == '^' || kind == 'X';
      text.remove_prefix(string_or_csi ? EscapeLength(text, 2, kind) : kind == '\n' ? 1 : simple);
      continue;
    }
    const size_t n = DecodeUtf8(text, &code);
    if (n == 0) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
    } else if (code == 0x9b || code == 0x9d || code == 0x90 || code == 0x9e || code == 0x9f ||
               code == 0x98) {
      const char kind = code == 0x9b ? '[' : ']';
      text.remove_prefix(EscapeLength(text, n, kind));
    } else {
      if (!IsHidden(code)) absl::StrAppend(&out, text.substr(0, n));
      text.remove_prefix(n);
    }
  }
  return out;
}

std::string Clip(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  size_t cut = max_bytes > 3 ? max_bytes - 3 : 0;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return absl::StrCat(text.substr(0, cut), "…");
}

std::string OneLine(absl::string_view text, size_t max_bytes) {
  // Cut before cleaning: a 60 MB line must not be copied whole for its first 200 bytes.
  std::string clean(text.substr(0, max_bytes * 4 + 64));
  // It stands between the steps of a progress bar.
  std::replace(clean.begin(), clean.end(), '\r', ' ');
  clean = StripControls(clean);
  std::string out;
  bool space = false;
  for (const char c : clean) {
    if (c == ' ' || c == '\t' || c == '\n') {
      space = !out.empty();
      continue;
    }
    if (space) out.push_back(' ');
    space = false;
    out.push_back(c);
  }
  return Clip(out, max_bytes);
}

std::string ShellQuote(absl::string_view argument) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           absl::string_view("_-./:=,@%+").find(c) != absl::string_view::npos;
  };
  bool quote = argument.empty();
  for (const char c : argument) quote = quote || !plain(c);
  if (!quote) return std::string(argument);
  std::string out = "'";
  for (const char c : argument) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::string ShellJoin(const std::vector<std::string>& argv) {
  std::string out;
  for (const std::string& argument : argv)
    absl::StrAppend(&out, out.empty() ? "" : " ", ShellQuote(argument));
  return out;
}

std::optional<std::string> FromHex(absl::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    unsigned char byte = 0;
    const char* const end = digits.data() + i + 2;
    if (std::from_chars(digits.data() + i, end, byte, 16).ptr != end) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    value /= 1000;
    unit = next;
    if (value < 999.5) break;
  }
  return absl::StrFormat("%.*f %s", value < 9.95 ? 1 : 0, value, unit);
}

std::string HumanDuration(absl::Duration d) {
  const int64_t s = absl::ToInt64Seconds(d);
  if (s < 0) return "0 s";
  if (s < 120) return absl::StrCat(s, " s");
  if (s < 7200) return absl::StrCat(s / 60, " min");
  if (s < 48 * 3600) {
    const int64_t minutes = s / 60 % 60;
    return minutes == 0 ? absl::StrCat(s / 3600, " h")
                        : absl::StrCat(s / 3600, " h ", minutes, " min");
  }
  return absl::StrCat(s / 86400, " d");
}

}  // namespace handoff
