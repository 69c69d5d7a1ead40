#include "cli/toml_file.h"

#include <toml++/toml.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr uint64_t kMostBytes = 64 << 10;
// toml++ bounds how deep values are nested, but not keys with dots, and takes itself apart
// recursively. Whatever the dots stand in: a file has not so many.
constexpr int64_t kMostDots = 2000;

std::string Where(const std::string& path, const toml::source_region& region) {
  return absl::StrCat(path, ":", region.begin.line);
}

absl::StatusOr<std::string> ReadSmall(const std::string& path) {
  const auto file = OpenRegular(path);
  if (absl::IsFailedPrecondition(file.status())) {
    return absl::InvalidArgumentError(file.status().message());
  }
  RETURN_IF_ERROR(file.status());
  // By its descriptor: what was judged cannot be exchanged in between.
  auto text = ReadFile(absl::StrCat("/proc/self/fd/", file->get()), kMostBytes);
  if (absl::IsResourceExhausted(text.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is larger than the allowed ", kMostBytes, " bytes"));
  }
  if (!text.ok()) return Annotate(text.status(), path);
  if (std::count(text->begin(), text->end(), '.') > kMostDots) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has more than ", kMostDots, " dots: its keys may be nested too deep"));
  }
  return text;
}

}  // namespace

std::string TomlString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      absl::StrAppend(&out, "\\", std::string(1, c));
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&out, "\\u", absl::Hex(byte, absl::kZeroPad4));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

struct TomlFile::Impl {
  std::string path;
  toml::table table;

  const toml::node* Find(absl::string_view key) const {
    return table.get(std::string_view(key.data(), key.size()));
  }
  absl::Status Wrong(absl::string_view key, const toml::node& node, absl::string_view kind) const {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(path, node.source()), ": '", key, "' must be ", kind));
  }
};

TomlFile::TomlFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TomlFile::TomlFile(TomlFile&&) noexcept = default;
TomlFile::~TomlFile() = default;

absl::StatusOr<TomlFile> TomlFile::Read(const std::string& path,
                                        std::initializer_list<absl::string_view> known,
                                        const std::map<std::string, std::string>& refused) {
  ASSIGN_OR_RETURN(const std::string text, ReadSmall(path));
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  try {
    impl->table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(path, error.source()), ": ", std::string(error.description())));
  }
  for (const auto& [key, node] : impl->table) {
    const absl::string_view name(key.str().data(), key.str().size());
    if (const auto no = refused.find(std::string(name)); no != refused.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Where(path, node.source()), ": '", name, "' ", no->second));
    }
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return absl::InvalidArgumentError(absl::StrCat(Where(path, node.source()), ": unknown key '",
                                                     OneLine(name, 60), "'; known are ",
                                                     absl::StrJoin(known, ", ")));
    }
  }
  return TomlFile(std::move(impl));
}

absl::StatusOr<std::optional<std::string>> TomlFile::String(absl::string_view key) const {
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return std::optional<std::string>();
  if (!node->is_string()) return impl_->Wrong(key, *node, "a string in quotes");
  return std::optional<std::string>(node->as_string()->get());
}

absl::StatusOr<std::optional<int64_t>> TomlFile::Integer(absl::string_view key) const {
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return std::optional<int64_t>();
  if (!node->is_integer()) return impl_->Wrong(key, *node, "a whole number");
  return std::optional<int64_t>(node->as_integer()->get());
}

absl::StatusOr<std::optional<bool>> TomlFile::Boolean(absl::string_view key) const {
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return std::optional<bool>();
  if (!node->is_boolean()) return impl_->Wrong(key, *node, "true or false");
  return std::optional<bool>(node->as_boolean()->get());
}

absl::StatusOr<std::vector<std::string>> TomlFile::List(absl::string_view key) const {
  std::vector<std::string> values;
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return values;
  if (!node->is_array()) return impl_->Wrong(key, *node, "a list such as [\"ninja test\"]");
  for (const toml::node& value : *node->as_array()) {
    if (!value.is_string()) return impl_->Wrong(key, value, "a list of strings");
    values.push_back(value.as_string()->get());
  }
  return values;
}

absl::StatusOr<std::map<std::string, std::string>> TomlFile::Strings(absl::string_view key) const {
  std::map<std::string, std::string> values;
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return values;
  if (!node->is_table()) return impl_->Wrong(key, *node, "a table such as { os = \"linux\" }");
  for (const auto& [name, value] : *node->as_table()) {
    if (!value.is_string()) return impl_->Wrong(key, value, "a table of strings");
    values[std::string(name.str())] = value.as_string()->get();
  }
  return values;
}

}  // namespace handoff
