// handoff.md on the person's side. Beside their file lie .handoff.base.md, the last one that came
// from the coordinator, from which it is told what they changed in theirs; and, after a conflict,
// handoff.md.theirs, the newest one, for them to look at.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/beneath.h"

namespace handoff {

struct DocumentBase {
  std::string markdown;
  int version = 0;  // of the last edit that the person knows of
  friend bool operator==(const DocumentBase&, const DocumentBase&) = default;
};

// The file beside handoff.md that holds it, for whoever puts a handoff.md there.
inline constexpr char kDocumentBaseFile[] = ".handoff.base.md";
std::string EncodeBase(const DocumentBase& base);

class LocalDocument {
 public:
  // In the folder of that path below `root`, which is a directory's path; "" is that itself.
  static absl::StatusOr<LocalDocument> Open(const std::string& root, const std::string& folder);

  std::string path() const { return shown_ + "/handoff.md"; }
  std::string theirs() const { return path() + ".theirs"; }
  const std::string& directory() const { return shown_; }
  const Beneath& root() const { return root_; }
  std::string Below(absl::string_view name) const;

  // Nothing: there is no such file.
  absl::StatusOr<std::optional<std::string>> Read() const;
  absl::StatusOr<std::optional<DocumentBase>> ReadBase() const;
  absl::Status Write(absl::string_view markdown) const;
  absl::Status WriteBase(const DocumentBase& base) const;

  bool HasTheirs() const;
  absl::Status WriteTheirs(absl::string_view markdown) const;
  absl::Status RemoveTheirs() const;

 private:
  LocalDocument(Beneath root, std::string folder, std::string shown)
      : root_(std::move(root)), folder_(std::move(folder)), shown_(std::move(shown)) {}
  absl::StatusOr<std::optional<std::string>> ReadIfThere(absl::string_view name) const;

  Beneath root_;
  std::string folder_;
  std::string shown_;
};

}  // namespace handoff
