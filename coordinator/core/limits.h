// Every bound and time of the coordinator's decisions, in one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "common/backoff.h"

namespace handoff::core {

inline constexpr size_t kMaxLiveHandoffs = 200'000;  // further submits: RESOURCE_EXHAUSTED
// Tasks and commands of these, which are kept in memory: further submits RESOURCE_EXHAUSTED.
inline constexpr size_t kMaxLiveSpecBytes = size_t{1} << 30;
// Of one owner, unless [quota] of the configuration says otherwise; a pipeline is one owner. What
// the pool takes in all is above.
inline constexpr size_t kQuotaLive = 20'000;
inline constexpr size_t kQuotaQueued = 10'000;
inline constexpr size_t kQuotaRunning = 1'000;
inline constexpr uint64_t kQuotaStoredBytes = uint64_t{100} << 30;
inline constexpr int kQuotaSubmitsPerMinute = 600;
inline constexpr int kQuotaSubmitBurst = 1'000;
// The most that [quota] may say.
inline constexpr uint64_t kMostQuota = 1'000'000;
inline constexpr uint64_t kMostQuotaBytes = uint64_t{1} << 50;
inline constexpr uint64_t kMostWeight = 1'000;
inline constexpr size_t kMaxWorkers = 10'000;
inline constexpr int kMaxAttempts = 100;  // of one handoff
// Of one handoff, and its opposite the least; whose role allows less is in access.h.
inline constexpr int kMostPriority = 100;
// Of one handoff, dropped ones included, and their texts in all.
inline constexpr size_t kMaxMessages = 1000;
inline constexpr size_t kMaxMessageBytes = size_t{4} << 20;
// Of the sections that people wrote in one handoff.md: every version of each, and their texts in
// all.
inline constexpr size_t kMaxEdits = 1000;
inline constexpr size_t kMaxEditBytes = size_t{4} << 20;
// The texts that no agent has read yet: they go to a worker in one answer, whole, with the task.
inline constexpr size_t kMaxUnreadBytes = size_t{512} << 10;
inline constexpr int kMaxSlots = 1024;  // of one worker
// Summaries that are wished for at a time, and how long one may take.
inline constexpr size_t kMaxSummaryWishes = 1000;
inline constexpr absl::Duration kSummaryWait = absl::Minutes(15);

// So long a worker is asked for a turn that nobody made, and so long the result of one is given to
// whoever asks again: a turn costs the owner of the agent's account.
inline constexpr absl::Duration kTurnWait = absl::Minutes(10);
inline constexpr absl::Duration kTurnFresh = absl::Minutes(1);

inline constexpr absl::Duration kUnreachableAfter =
    absl::Seconds(30);  // no new work, shown as unreachable
inline constexpr absl::Duration kAffinityWait =
    absl::Seconds(60);  // for a busy host that has the session
inline constexpr absl::Duration kMinLease = absl::Seconds(5);
// Beyond the lease before an attempt is given away: the host's clock may run slow by 2 %.
inline absl::Duration GiveAwayMargin(absl::Duration lease) {
  return lease / 50 > absl::Seconds(60) ? lease / 50 : absl::Seconds(60);
}
// Of full specs in one answer to a worker; the rest follows with the next.
inline constexpr size_t kMaxAnswerBytes = size_t{1} << 20;
// Of one spec, with what goes along whole: within a message. What is larger is not sent.
inline constexpr size_t kMaxSentBytes = size_t{3} << 20;
// A lease that no answer carried yet is taken back after this: nobody can have begun.
inline constexpr absl::Duration kOfferWait = absl::Seconds(30);
// A Tick that comes so much later than it was due means that the coordinator itself was suspended:
// its workers could not renew, so everybody gets a full lease, as after a start.
inline constexpr absl::Duration kOverslept = absl::Seconds(30);
// An attempt that was offered and is still not listed is offered again after this.
inline constexpr absl::Duration kOfferAgain = absl::Milliseconds(20);
// That the end of an attempt is stored, and its record may go, is said within this.
inline constexpr absl::Duration kForgetWithin = absl::Seconds(1);
// Probes that one worker is asked for at a time; the next follow when they are answered.
inline constexpr size_t kMaxProbesAsked = 64;
// Purged handoffs that one answer tells a worker to forget; the next follow when they are gone.
inline constexpr size_t kMaxPurgesTold = 1000;
// A worker that remembers more than this beyond our records is wrong: starts of the coordinator,
// and restores, since the copy was made from which they were restored.
inline constexpr uint64_t kMostTermsAhead = 1'000'000;
inline constexpr uint64_t kMostIncarnationsAhead = 64;
// Epochs have 32 bits for them; the last half is kept, so that none ever wraps around.
inline constexpr uint64_t kMostIncarnations = uint64_t{1} << 31;
// A used-up quota whose end the agent did not name.
inline constexpr absl::Duration kQuotaWait = absl::Minutes(15);
// One that lies further ahead is no account's: something that the agent printed made it up.
inline constexpr absl::Duration kMostQuotaWait = absl::Hours(24 * 366);
// Two daemons of one worker: calls that lie so far apart were not sent by one that has ended, and
// what lies further apart has nothing to do with each other.
inline constexpr absl::Duration kOtherDaemonAfter = absl::Seconds(1);
inline constexpr absl::Duration kOtherDaemonWithin = absl::Minutes(1);
inline constexpr absl::Duration kStopGrace = absl::Seconds(10);

// Identities.
inline constexpr size_t kMaxUsers = 10'000;
// That could be redeemed now and were made by one user, so that nobody takes them from others.
inline constexpr size_t kMaxOpenTokens = 1'000;
inline constexpr size_t kMaxOpenTokensOfAdmin = 10'000;
inline constexpr size_t kMaxTokensAtOnce = 1000;    // of one `invite --count`
inline constexpr size_t kMaxRevokedShown = 100;     // of one user, in lists
inline constexpr size_t kMaxDevices = 50;           // of one user: lines that are good
inline constexpr size_t kMaxCiCredentials = 5'000;  // of one ci subject: that are good
inline constexpr size_t kMaxPatterns = 100;         // of one user, token or worker
inline constexpr size_t kMaxPatternBytes = 300;
inline constexpr absl::Duration kMaxJoinTtl = absl::Hours(24);    // of tokens of workers and logins
inline constexpr absl::Duration kMaxCiTtl = absl::Hours(7 * 24);  // of ci tokens, and what they buy
inline constexpr absl::Duration kExpiredKept = absl::Hours(24);   // in lists, once it expired
inline constexpr absl::Duration kWorkerLife = absl::Hours(24);    // of credentials
inline constexpr absl::Duration kRenewalLife = absl::Hours(91 * 24);
inline constexpr absl::Duration kUserLife = absl::Hours(90 * 24);
inline constexpr absl::Duration kLocalLife = absl::Hours(24);  // of who came in by their uid
// An expired one of a worker, whose host may be off for long: as long as it can come back by its
// renewal credential, lists say since when.
inline constexpr absl::Duration kExpiredWorkerKept = absl::Hours(90 * 24);
inline constexpr size_t kMaxDropped = 100;  // of what is of no use any more, in one decision
// Entries of the audit log for what was refused, a minute.
inline constexpr uint64_t kMaxRefusalsNoted = 60;

inline constexpr Backoff kRetryBackoff{absl::Seconds(10), absl::Minutes(10)};
inline constexpr Backoff kProbeBackoff{absl::Seconds(30), absl::Minutes(10)};

}  // namespace handoff::core
