// Rows and records: which column holds which field, in one place for writer and reader. A row gives
// back the durable part of a record exactly (times in whole nanoseconds).
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/core/model.h"
#include "coordinator/store/columns.h"
#include "coordinator/store/sqlite.h"

namespace handoff::rows {

// The order of lists, derived from a handoff.
struct Place {
  int64_t rank = 0;      // 0 needs a person, 1 live, 2 ended
  int64_t position = 0;  // within the rank; the highest comes first
};
inline constexpr int64_t kLiveRank = 1;
inline constexpr int64_t kEndedRank = 2;
Place PlaceOf(const core::Handoff& handoff);

// Column names in the order in which Read takes them, for SELECT.
std::string HandoffColumns();
int HandoffColumnCount();
// `with_parts`: with what lists do not open, the ends and checkpoints as they were sent.
std::string AttemptColumns(bool with_parts);
std::string MessageColumns();
std::string EditColumns();
std::string EventColumns();
std::string WorkerColumns();
std::string HoldColumns();

// Reads the columns named above, from column 0. Attempts and spec are not part of a handoff's row.
core::Handoff ReadHandoff(const Statement& row);
core::Attempt ReadAttempt(const Statement& row, bool with_parts);
core::Message ReadMessage(const Statement& row);
core::SectionEdit ReadEdit(const Statement& row);
core::Event ReadEvent(const Statement& row);
core::Worker ReadWorker(const Statement& row);
core::Hold ReadHold(const Statement& row);

// INSERT … ON CONFLICT DO UPDATE for each. A handoff's id, owner and key never change and are
// written once, and so is an edit; an attempt or message that is the same as its row is not
// written.
std::string UpsertHandoffSql();
std::string UpsertAttemptSql();
std::string UpsertMessageSql();
std::string InsertEditSql();
std::string UpsertWorkerSql();
std::string UpsertHoldSql();
std::string InsertEventSql();

// Bind what the statements above take. The record must stay as it is until the statement was
// stepped.
void BindHandoff(Statement& statement, const core::Handoff& handoff);
void BindAttempt(Statement& statement, uint64_t seq, const core::Attempt& attempt);
void BindMessage(Statement& statement, uint64_t seq, const core::Message& message);
void BindEdit(Statement& statement, uint64_t seq, const core::SectionEdit& edit);
void BindEvent(Statement& statement, const core::Event& event);
void BindWorker(Statement& statement, const core::Worker& worker);
void BindHold(Statement& statement, const core::Hold& hold);

}  // namespace handoff::rows
