// The decisions about identities, as those in scheduler.h. What was refused is a Decision with a
// refusal, since the audit log has to say so; a question that is refused is an error.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/core/identity_commands.h"
#include "coordinator/core/local_login.h"
#include "coordinator/core/revoke_commands.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {

absl::StatusOr<Decision<AddUser::Reply>> Decide(const State& state, const AddUser& command,
                                                absl::Time now);
absl::StatusOr<Decision<ChangeUser::Reply>> Decide(const State& state, const ChangeUser& command,
                                                   absl::Time now);
absl::StatusOr<Decision<ListUsers::Reply>> Decide(const State& state, const ListUsers& command,
                                                  absl::Time now);
absl::StatusOr<Decision<CreateTokens::Reply>> Decide(const State& state,
                                                     const CreateTokens& command, absl::Time now);
absl::StatusOr<Decision<ListTokens::Reply>> Decide(const State& state, const ListTokens& command,
                                                   absl::Time now);
absl::StatusOr<Decision<RedeemToken::Reply>> Decide(const State& state, const RedeemToken& command,
                                                    absl::Time now);
absl::StatusOr<Decision<LoginHere::Reply>> Decide(const State& state, const LoginHere& command,
                                                  absl::Time now);
absl::StatusOr<Decision<RenewCredential::Reply>> Decide(const State& state,
                                                        const RenewCredential& command,
                                                        absl::Time now);
absl::StatusOr<Decision<RevokeWorker::Reply>> Decide(const State& state,
                                                     const RevokeWorker& command, absl::Time now);
absl::StatusOr<Decision<RevokeUser::Reply>> Decide(const State& state, const RevokeUser& command,
                                                   absl::Time now);
absl::StatusOr<Decision<RevokeToken::Reply>> Decide(const State& state, const RevokeToken& command,
                                                    absl::Time now);
absl::StatusOr<Decision<RevokeDevice::Reply>> Decide(const State& state,
                                                     const RevokeDevice& command, absl::Time now);
absl::StatusOr<Decision<RevokeCredential::Reply>> Decide(const State& state,
                                                         const RevokeCredential& command,
                                                         absl::Time now);
absl::StatusOr<Decision<NoteRefusal::Reply>> Decide(const State& state, const NoteRefusal& command,
                                                    absl::Time now);

}  // namespace handoff::core
