#include "common/git/encoding.h"

#include <iconv.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr absl::string_view kKnown[] = {
    "UTF-16",   "UTF-16LE", "UTF-16BE",  "UTF-16LE-BOM", "UTF-16BE-BOM", "UTF-32",
    "UTF-32LE", "UTF-32BE", "SHIFT-JIS", "SHIFT_JIS",    "EUC-JP",       "EUC-KR",
    "GBK",      "GB18030",  "BIG5",      "KOI8-R",
};
constexpr absl::string_view kFamilies[] = {"ISO-8859-", "WINDOWS-125", "CP125"};

// git takes "utf16le" for "UTF-16LE".
std::string Normal(absl::string_view encoding) {
  std::string name = absl::AsciiStrToUpper(encoding);
  if (absl::StartsWith(name, "UTF") && !absl::StartsWith(name, "UTF-")) name.insert(3, "-");
  return name;
}

bool HasMark(absl::string_view content, absl::string_view big, absl::string_view little) {
  return absl::StartsWith(content, big) || absl::StartsWith(content, little);
}

bool HasMark16(absl::string_view content) { return HasMark(content, "\xfe\xff", "\xff\xfe"); }

bool HasMark32(absl::string_view content) {
  return HasMark(content, absl::string_view("\0\0\xfe\xff", 4),
                 absl::string_view("\xff\xfe\0\0", 4));
}

absl::Status CheckMark(absl::string_view content, absl::string_view name) {
  const bool marked = absl::StartsWith(name, "UTF-16") ? HasMark16(content) : HasMark32(content);
  if ((name == "UTF-16" || name == "UTF-32") && !marked) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has no byte order mark, which git wants in ", name));
  }
  const bool ordered =
      name == "UTF-16LE" || name == "UTF-16BE" || name == "UTF-32LE" || name == "UTF-32BE";
  if (ordered && marked) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has a byte order mark, which git does not allow in ", name));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Convert(absl::string_view content, const std::string& from,
                                    const std::string& to) {
  const iconv_t converter = ::iconv_open(to.c_str(), from.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) {
    return absl::UnimplementedError(absl::StrCat("this host cannot convert ", from, " to ", to));
  }
  std::string out;
  char* in = const_cast<char*>(content.data());  // iconv's signature; it only reads
  size_t left = content.size();
  int error = 0;
  while (left > 0 && error == 0) {
    char buffer[16384];
    char* end = buffer;
    size_t room = sizeof(buffer);
    if (::iconv(converter, &in, &left, &end, &room) == static_cast<size_t>(-1) && errno != E2BIG) {
      error = errno;
    }
    out.append(buffer, sizeof(buffer) - room);
  }
  ::iconv_close(converter);
  if (error != 0) return absl::FailedPreconditionError(absl::StrCat("it is not valid ", from));
  return out;
}

}  // namespace

std::string WorkingTreeEncoding(const char* attribute) {
  if (git_attr_value(attribute) != GIT_ATTR_VALUE_STRING) return "";
  const std::string name = Normal(attribute);
  return name == "UTF-8" ? "" : name;
}

absl::StatusOr<std::string> WorkingTreeEncoding(git_repository* repo, const std::string& path,
                                                uint32_t flags) {
  const char* value = nullptr;
  RETURN_IF_ERROR(
      GitStatus(git_attr_get(&value, repo, flags, path.c_str(), "working-tree-encoding"),
                absl::StrCat("reading the attributes of ", path)));
  return WorkingTreeEncoding(value);
}

absl::Status CheckEncoding(const std::string& encoding) {
  const std::string name = Normal(encoding);
  for (const absl::string_view known : kKnown) {
    if (name == known) return absl::OkStatus();
  }
  for (absl::string_view family : kFamilies) {
    absl::string_view rest = name;
    if (absl::ConsumePrefix(&rest, family) && !rest.empty() &&
        rest.find_first_not_of("0123456789") == absl::string_view::npos) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the working-tree-encoding ", encoding, " is not supported"));
}

absl::StatusOr<std::string> EncodingToUtf8(absl::string_view content, const std::string& encoding) {
  const std::string name = Normal(encoding);
  RETURN_IF_ERROR(CheckEncoding(name));
  if (content.empty()) return std::string();
  RETURN_IF_ERROR(CheckMark(content, name));
  return Convert(content, absl::EndsWith(name, "-BOM") ? "UTF-16" : name, "UTF-8");
}

absl::StatusOr<std::string> Utf8ToEncoding(absl::string_view content, const std::string& encoding) {
  const std::string name = Normal(encoding);
  RETURN_IF_ERROR(CheckEncoding(name));
  if (content.empty()) return std::string();
  absl::string_view plain = name;
  if (!absl::ConsumeSuffix(&plain, "-BOM")) return Convert(content, "UTF-8", name);
  ASSIGN_OR_RETURN(const std::string text, Convert(content, "UTF-8", std::string(plain)));
  return absl::StrCat(plain == "UTF-16LE" ? "\xff\xfe" : "\xfe\xff", text);
}

}  // namespace handoff
