#include "coordinator/store/audit_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kPage = 1000;

class Walk {
 public:
  Walk(core::AuditHead head, const std::optional<core::AuditHead>& known) : known_(known) {
    verdict_.head = std::move(head);
  }

  // False: something is wrong, and nothing behind it says more.
  bool Take(const core::AuditEntry& entry) {
    const uint64_t next = verdict_.entries + 1;
    if (entry.seq != next) {
      return Wrong(next, absl::StrCat("entry ", next, " is not there: it was removed"));
    }
    if (core::AuditHash(hash_, entry) != entry.hash) {
      return Wrong(next, absl::StrCat("entry ", next,
                                      " does not fit its hash and the entry before: "
                                      "it was edited, moved or added, or what stood "
                                      "before it was removed"));
    }
    hash_ = entry.hash;
    verdict_.entries = next;
    if (known_.has_value() && known_->seq == next && known_->hash != hash_) {
      return Wrong(next, absl::StrCat("entry ", next,
                                      " is not the one of the head that was kept: the log was "
                                      "written anew, or the records were restored from a copy"));
    }
    return true;
  }

  void Added(uint64_t seq) {
    Wrong(seq, absl::StrCat("entry ", seq, " is behind the last that was written: it was added"));
  }

  AuditVerdict Finish() {
    const uint64_t entries = verdict_.entries;
    const core::AuditHead& head = verdict_.head;
    if (verdict_.wrong != 0) return verdict_;
    if (entries < head.seq) {
      Wrong(entries + 1, absl::StrCat("entries ", entries + 1, " to ", head.seq,
                                      " are not there: they were cut off at the end"));
    } else if (entries > head.seq || hash_ != head.hash) {
      Wrong(std::max<uint64_t>(entries, 1),
            absl::StrCat("entry ", entries,
                         " is not the last that was written: the log or the note of its head was "
                         "changed"));
    } else if (known_.has_value() && known_->seq > entries) {
      Wrong(entries + 1,
            absl::StrCat("the head that was kept is entry ", known_->seq,
                         ", and the log ends before it: the records were restored from "
                         "a copy, or it was cut off"));
    }
    return verdict_;
  }

 private:
  bool Wrong(uint64_t seq, std::string finding) {
    verdict_.wrong = seq;
    verdict_.finding = absl::StrCat(finding, ".");
    return false;
  }

  const std::optional<core::AuditHead>& known_;
  AuditVerdict verdict_;
  std::string hash_;
};

}  // namespace

absl::StatusOr<AuditVerdict> VerifyAudit(AuditReader& reader,
                                         const std::optional<core::AuditHead>& known) {
  // Entries are written while this reads: only those up to the head of the beginning are looked at.
  ASSIGN_OR_RETURN(core::AuditHead head, reader.Head());
  const uint64_t last = head.seq;
  Walk walk(std::move(head), known);
  uint64_t after = 0;
  while (true) {
    ASSIGN_OR_RETURN(const auto page, reader.Audit(after, kPage));
    for (const core::AuditEntry& entry : page) {
      if (entry.seq > last) {
        // Written since, together with its head, or added by hand.
        ASSIGN_OR_RETURN(const core::AuditHead newer, reader.Head());
        if (newer.seq < entry.seq) walk.Added(entry.seq);
        return walk.Finish();
      }
      if (!walk.Take(entry)) return walk.Finish();
      after = entry.seq;
    }
    if (page.empty()) return walk.Finish();
  }
}

}  // namespace handoff
