// What a person pastes to let a host or themselves in: one line with everything that the first
// connection needs, so that it is mutual TLS to the right pool. The line is a secret.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/identity/authority.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"
#include "common/identity/secret.h"

namespace handoff {

enum class TicketKind {
  kWorker,  // hfw1_…: handoff-worker join
  kUser,    // hfu1_…: handoff login
  kCi,      // hfc1_…: HANDOFF_TOKEN
};

struct Ticket {
  TicketKind kind = TicketKind::kWorker;
  std::vector<std::string> addresses;  // of the coordinator, to be tried in this order; 1 to 4
  Certificate authority;               // of the pool; no other one is believed
  Certificate certificate;             // of token `token_id`, for the first connection
  PrivateKey key;                      // of `certificate`
  std::string token_id;
  Secret secret;       // 32 bytes; the coordinator has its hash
  absl::Time expires;  // whole seconds
};

// Public: what lists and logs show of a token.
std::string NewTokenId();
// A ticket with a new token: id, secret, key, and a certificate of it from `now` until `expires`.
absl::StatusOr<Ticket> MakeTicket(TicketKind kind, std::vector<std::string> addresses,
                                  const Authority& authority, std::string token_id, absl::Time now,
                                  absl::Time expires);

// Below 4096 bytes, which is what a terminal takes as one line. INVALID_ARGUMENT for what
// DecodeTicket would refuse.
absl::StatusOr<Secret> EncodeTicket(const Ticket& ticket);

// Of a line for `kind`. INVALID_ARGUMENT with a sentence when it is something else, damaged, cut,
// or of another kind; DEADLINE_EXCEEDED when it expired. Never says what is in the line.
absl::StatusOr<Ticket> DecodeTicket(absl::string_view line, TicketKind kind, absl::Time now);

}  // namespace handoff
