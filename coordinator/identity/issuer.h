// What a coordinator signs: certificates of those it lets in and of itself, and the lines that
// people paste. Decides nothing: whoever asks it has the engine's word.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/identity/authority_directory.h"
#include "common/identity/key.h"
#include "common/identity/ticket.h"
#include "common/mutex.h"

namespace handoff {

// Thread-safe.
class Issuer {
 public:
  // What the database says of the authority that belongs to it.
  struct Known {
    std::string fingerprint;  // empty: it does not say
    bool in_use = false;      // there are users or credentials of it
  };
  // The authority of the pool in `directory`, made when there is none yet. FAILED_PRECONDITION when
  // it is another than the known one, or is not there although it was: a new one would be another
  // pool's to everybody who came in by the first, and nothing is made.
  static absl::StatusOr<std::unique_ptr<Issuer>> Open(const std::string& directory,
                                                      const std::string& pool_id,
                                                      const Known& known, const Clock& clock);

  const std::string& pool_id() const { return pool_id_; }
  const Certificate& authority() const { return authority_.authority.certificate; }

  // Where those who paste a line find the coordinator, in the order to be tried.
  void SetAddresses(std::vector<std::string> addresses);
  std::vector<std::string> addresses() const;

  // PEM, from now on.
  absl::StatusOr<std::string> IssueTo(const PublicKey& key, PeerKind kind, const std::string& name,
                                      const std::string& serial, absl::Time not_after) const;
  // The coordinator's own one; `hosts` are names beside the pool's.
  absl::StatusOr<Certificate> IssueServer(const PublicKey& key, std::vector<std::string> hosts,
                                          absl::Duration life) const;
  absl::StatusOr<Ticket> MakeTicket(TicketKind kind, absl::Duration ttl) const;

 private:
  Issuer(PoolAuthority authority, std::string pool_id, const Clock& clock);

  const PoolAuthority authority_;
  const std::string pool_id_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::vector<std::string> addresses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
