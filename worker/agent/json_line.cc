#include "worker/agent/json_line.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/json_depth.h"

namespace handoff {
namespace {

constexpr size_t kLongLine = 1 << 20;
constexpr size_t kMostValues = 100'000;     // after so many, no element of a list
constexpr size_t kMostMembers = 1'000'000;  // after so many, nothing

// Builds a document that keeps little of a long line. The library's own filter takes quadratic time
// for a list of objects.
class BoundedDocument final : public nlohmann::json_sax<nlohmann::json> {
 public:
  using Json = nlohmann::json;

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (left_out_ == 0) key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  Json Take() { return std::move(root_); }

 private:
  // Where the next value goes; nullptr: it is left out.
  Json* Place(Json value) {
    if (left_out_ > 0) return nullptr;
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back();
    ++values_;
    if (parent.is_object()) {
      return values_ > kMostMembers ? nullptr : &(parent[key_] = std::move(value));
    }
    return values_ > kMostValues ? nullptr : &parent.emplace_back(std::move(value));
  }
  bool Add(Json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json container) {
    Json* place = Place(std::move(container));
    if (place == nullptr) {
      ++left_out_;
    } else {
      open_.push_back(place);
    }
    return true;
  }
  bool Close() {
    if (left_out_ > 0) {
      --left_out_;
    } else {
      open_.pop_back();
    }
    return true;
  }

  Json root_;
  std::vector<Json*>
      open_;  // the containers around the next value; nothing is added to an outer one
  std::string key_;
  size_t left_out_ = 0;  // depth within a container that is not kept
  size_t values_ = 0;
};

std::optional<nlohmann::json> TryParse(absl::string_view text) {
  if (IsTooDeepJson(text)) return std::nullopt;
  if (text.size() > kLongLine) {
    BoundedDocument document;
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &document)) return std::nullopt;
    return document.Take();
  }
  nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr,
                                              /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

// Every byte beyond ASCII becomes '?', every escape of a surrogate "\ufffd": the structure stays.
std::string Repair(absl::string_view line) {
  std::string out(line);
  for (size_t i = 0; i < out.size(); ++i) {
    if (static_cast<unsigned char>(out[i]) >= 0x80) out[i] = '?';
    if (out[i] != '\\' || i + 1 >= out.size()) continue;
    ++i;  // the escaped character, so that "\\ud800" is not taken for an escape
    const bool surrogate = out[i] == 'u' && i + 4 < out.size() &&
                           absl::ascii_tolower(static_cast<unsigned char>(out[i + 1])) == 'd' &&
                           out[i + 2] >= '8';
    if (surrogate) out.replace(i + 1, 4, "fffd");
  }
  return out;
}

}  // namespace

std::optional<nlohmann::json> ParseJsonLine(absl::string_view line) {
  if (line.size() > kLongestJsonLine) return std::nullopt;
  std::optional<nlohmann::json> json = TryParse(line);
  if (json || line.empty() || line[0] != '{') return json;
  return TryParse(Repair(line));
}

const nlohmann::json* Member(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string StringMember(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = Member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::optional<int64_t> IntMember(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = Member(object, key);
  if (value == nullptr) return std::nullopt;
  int64_t parsed = 0;
  if (value->is_string()) {
    const std::string text = value->get<std::string>();
    return absl::SimpleAtoi(text, &parsed) ? std::optional<int64_t>(parsed) : std::nullopt;
  }
  if (!value->is_number()) return std::nullopt;
  const double number = value->get<double>();
  if (!std::isfinite(number) || std::fabs(number) > 9e18) return std::nullopt;
  return value->is_number_integer() ? value->get<int64_t>() : static_cast<int64_t>(number);
}

bool BoolMember(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = Member(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

}  // namespace handoff
