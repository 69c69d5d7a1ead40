#include "coordinator/core/sentence.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff::core {

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

std::string UntilText(absl::Time time, absl::Time now) {
  if (time <= now) return TimeText(time);
  return absl::StrCat(TimeText(time), " (in ", HumanDuration(time - now), ")");
}

std::string Sentence(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return "";
  const bool closed = text.back() == '.' || text.back() == '!' || text.back() == '?';
  return absl::StrCat(text, closed ? "" : ".");
}

std::string FirstLine(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  return OneLine(text.substr(0, text.find('\n')), 300);
}

std::string CountText(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

double Jitter(absl::string_view name, int number) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 1099511628211u; };
  for (const char c : name) mix(static_cast<unsigned char>(c));
  for (int shift = 0; shift < 32; shift += 8) mix(static_cast<unsigned char>(number >> shift));
  return static_cast<double>(hash >> 11) / static_cast<double>(uint64_t{1} << 53);
}

}  // namespace handoff::core
