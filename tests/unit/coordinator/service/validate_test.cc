#include "coordinator/service/validate.h"

#include <functional>
#include <string>
#include <vector>

#include "common/rpc/proto_time.h"
#include "coordinator/service/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

v1::HandoffSpec GoodSpec() {
  v1::HandoffSpec spec;
  spec.set_task("mend the build");
  spec.mutable_repository()->set_url("https://host/a.git");
  spec.mutable_repository()->set_commit(std::string(40, 'a'));
  Normalise(spec);
  return spec;
}

using Change = std::function<void(v1::HandoffSpec&)>;

struct BadSpec {
  const char* says;  // part of the sentence
  Change change;
};

std::vector<BadSpec> BadTexts() {
  return {
      {"task is empty", [](auto& s) { s.set_task(" \n\t"); }},
      {"at most 1 MiB", [](auto& s) { s.set_task(std::string((1 << 20) + 1, 'x')); }},
      {"without NUL", [](auto& s) { s.set_task(std::string("a\0b", 3)); }},
      {"id '../x'", [](auto& s) { s.set_id("../x"); }},
      {"id", [](auto& s) { s.set_id(std::string(81, 'a')); }},
      {"model '--help'", [](auto& s) { s.set_model("--help"); }},
      {"agent", [](auto& s) { s.set_agent("Cursor"); }},
      {"idempotency_key", [](auto& s) { s.set_idempotency_key(std::string(129, 'k')); }},
      {"label key", [](auto& s) { (*s.mutable_labels())["a b"] = "c"; }},
      {"value of label k", [](auto& s) { (*s.mutable_labels())["k"] = "a\nb"; }},
      {"label key", [](auto& s) { (*s.mutable_require())["-k"] = "c"; }},
      {"33 entries in labels",
       [](auto& s) {
         for (int i = 0; i < 33; ++i) (*s.mutable_labels())["k" + std::to_string(i)] = "v";
       }},
      {"worker name", [](auto& s) { s.set_on_worker("a/b"); }},
      {"worker name", [](auto& s) { s.set_prefer_worker(".a"); }},
      {"LD_PRELOAD", [](auto& s) { (*s.mutable_env())["LD_PRELOAD"] = "x"; }},
      {"NUL in its value", [](auto& s) { (*s.mutable_env())["A"] = std::string("\0", 1); }},
      {"32 KiB", [](auto& s) { (*s.mutable_env())["A"] = std::string(33 << 10, 'x'); }},
      {"argv is for the agent 'command'", [](auto& s) { s.add_argv("make"); }},
      {"attached file '../x' has a name", [](auto& s) { s.add_attachments()->set_name("../x"); }},
      {"no SHA-256", [](auto& s) { s.add_attachments()->set_name("x"); }},
      {"a check's command", [](auto& s) { s.add_checks(); }},
      {"a check's command", [](auto& s) { s.add_checks()->set_command(std::string(4097, 'x')); }},
      {"17 checks",
       [](auto& s) {
         for (int i = 0; i < 17; ++i) s.add_checks()->set_command("true");
       }},
  };
}

std::vector<BadSpec> BadNumbers() {
  return {
      {"timeout is -1s", [](auto& s) { *s.mutable_timeout() = ToProto(-absl::Seconds(1)); }},
      {"timeout is 0", [](auto& s) { *s.mutable_timeout() = ToProto(absl::ZeroDuration()); }},
      {"timeout is 721h", [](auto& s) { *s.mutable_timeout() = ToProto(absl::Hours(721)); }},
      {"deadline is", [](auto& s) { *s.mutable_deadline() = ToProto(-absl::Hours(1)); }},
      {"stall_timeout is", [](auto& s) { *s.mutable_stall_timeout() = ToProto(-absl::Hours(1)); }},
      {"first_event_timeout is",
       [](auto& s) { *s.mutable_first_event_timeout() = ToProto(-absl::Hours(1)); }},
      {"lease is 4s: use 5s", [](auto& s) { *s.mutable_lease() = ToProto(absl::Seconds(4)); }},
      {"not a valid duration", [](auto& s) { s.mutable_timeout()->set_nanos(2000000000); }},
      {"a check's timeout is",
       [](auto& s) {
         s.add_checks()->set_command("true");
         *s.mutable_checks(0)->mutable_timeout() = ToProto(-absl::Seconds(1));
       }},
      {"priority is 101", [](auto& s) { s.set_priority(101); }},
      {"priority is -101", [](auto& s) { s.set_priority(-101); }},
      {"retries is 11", [](auto& s) { s.set_retries(11); }},
      {"retries is -1", [](auto& s) { s.set_retries(-1); }},
  };
}

std::vector<BadSpec> BadRepositories() {
  return {
      {"needs a repository", [](auto& s) { s.clear_repository(); }},
      {"remote helpers", [](auto& s) { s.mutable_repository()->set_url("ext::sh -c id"); }},
      {"credentials", [](auto& s) { s.mutable_repository()->set_url("https://u:p@host/r"); }},
      {"no URL and no complete pack", [](auto& s) { s.mutable_repository()->clear_url(); }},
      {"ref '-x'", [](auto& s) { s.mutable_repository()->set_ref("-x"); }},
      {"commit 'HEAD'", [](auto& s) { s.mutable_repository()->set_commit("HEAD"); }},
      {"commit", [](auto& s) { s.mutable_repository()->set_worktree_commit("x"); }},
      {"needs repository.commit",
       [](auto& s) {
         s.mutable_repository()->set_worktree_commit(std::string(40, 'b'));
         s.mutable_repository()->clear_commit();
       }},
      {"pack_sha256", [](auto& s) { s.mutable_repository()->set_pack_sha256("abc"); }},
      {"pack_sha256 is missing", [](auto& s) { s.mutable_repository()->set_pack_bytes(1); }},
      {"at most 4 GiB",
       [](auto& s) {
         s.mutable_repository()->set_pack_sha256(std::string(64, 'a'));
         s.mutable_repository()->set_pack_bytes(uint64_t{5} << 30);
       }},
      {"repository.directory", [](auto& s) { s.mutable_repository()->set_directory("a/../b"); }},
      {"repository.directory", [](auto& s) { s.mutable_repository()->set_directory("/a"); }},
      {"repository.key",
       [](auto& s) {
         s.mutable_repository()->clear_url();
         s.mutable_repository()->set_pack_sha256(std::string(64, 'a'));
         s.mutable_repository()->set_pack_complete(true);
         s.mutable_repository()->set_key("https://other/mirror.git");
       }},
      {"user_name", [](auto& s) { s.mutable_repository()->set_user_name("a\nb"); }},
      {"notes",
       [](auto& s) {
         for (int i = 0; i < 65; ++i) s.mutable_repository()->add_notes("x");
       }},
  };
}

void ExpectRefused(const std::vector<BadSpec>& specs) {
  for (const BadSpec& bad : specs) {
    v1::HandoffSpec spec = GoodSpec();
    bad.change(spec);
    const absl::Status status = Validate(spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.says;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.says));
  }
}

TEST(ValidateSpec, AGoodSpecPasses) {
  EXPECT_TRUE(Validate(GoodSpec()).ok()) << Validate(GoodSpec());
}

TEST(ValidateSpec, BadTextsAreNamed) { ExpectRefused(BadTexts()); }
TEST(ValidateSpec, BadNumbersAreNamed) { ExpectRefused(BadNumbers()); }
TEST(ValidateSpec, BadRepositoriesAreNamed) { ExpectRefused(BadRepositories()); }

TEST(ValidateSpec, ACommandNeedsNeitherRepositoryNorTask) {
  v1::HandoffSpec spec;
  spec.set_agent("command");
  spec.add_argv("make");
  spec.add_argv("-j8 test");
  EXPECT_TRUE(Validate(spec).ok()) << Validate(spec);
  spec.add_argv(std::string("a\0b", 3));
  EXPECT_FALSE(Validate(spec).ok());
  spec.mutable_argv()->RemoveLast();
  spec.add_argv(std::string(128 << 10, 'x'));
  EXPECT_FALSE(Validate(spec).ok());
}

TEST(ValidateRequests, IdsArePartsOfIdsAndNothingElse) {
  for (const std::string part : {"a", "20261120-fix", "-2"}) {
    EXPECT_TRUE(ValidateIdPart(part).ok()) << part;
  }
  for (const std::string part : {"", "../x", "a/b", "A", "a b", "%", "a\n", "ü"}) {
    EXPECT_FALSE(ValidateIdPart(part).ok()) << part;
  }
}

TEST(ValidateRequests, ListRefusesWhatNoListHas) {
  v1::ListRequest request;
  EXPECT_TRUE(Validate(request).ok());
  request.set_page_size(501);
  EXPECT_FALSE(Validate(request).ok());
  request.set_page_size(-1);
  EXPECT_FALSE(Validate(request).ok());
  request.set_page_size(500);
  request.add_statuses(static_cast<v1::Handoff::Status>(77));
  EXPECT_FALSE(Validate(request).ok());
}

v1::SyncRequest GoodSync() {
  v1::SyncRequest request;
  request.set_worker_uuid("0123-abcd");
  request.set_name("host-a");
  request.set_seq(1);
  request.set_slots(4);
  return request;
}

TEST(ValidateRequests, AMessageIsTextAndADropGoesAlone) {
  v1::SendRequest send;
  send.set_id("20261120-x");
  send.set_text("Do this, too.");
  send.set_now(true);
  EXPECT_TRUE(Validate(send).ok());
  for (const std::string& text : {std::string(" \n"), std::string((256 << 10) + 1, 'x'),
                                  std::string("\xff"), std::string("a\0b", 3)}) {
    send.set_text(text);
    EXPECT_EQ(Validate(send).code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 10);
  }
  send.set_text(std::string(256 << 10, 'x'));
  EXPECT_TRUE(Validate(send).ok());
  send.set_drop(1);
  EXPECT_FALSE(Validate(send).ok()) << "with a text";
  send.clear_text();
  EXPECT_FALSE(Validate(send).ok()) << "with now";
  send.clear_now();
  EXPECT_TRUE(Validate(send).ok());
  send.set_drop(-1);
  EXPECT_FALSE(Validate(send).ok());
  send.set_drop(0);
  EXPECT_FALSE(Validate(send).ok()) << "nothing at all";
}

TEST(ValidateRequests, SyncRefusesWhatCouldNotBeAWorker) {
  EXPECT_TRUE(Validate(GoodSync()).ok()) << Validate(GoodSync());
  const std::vector<std::function<void(v1::SyncRequest&)>> changes = {
      [](auto& r) { r.mutable_enclosure()->set_account("a\nb"); },
      [](auto& r) { r.mutable_enclosure()->set_network(std::string(257, 'n')); },
      [](auto& r) { r.mutable_enclosure()->set_isolation(std::string(257, 'i')); },
      [](auto& r) { r.clear_worker_uuid(); },
      [](auto& r) { r.set_worker_uuid("../x"); },
      [](auto& r) { r.set_name("a b"); },
      [](auto& r) { r.set_seq(0); },
      [](auto& r) { r.set_slots(-1); },
      [](auto& r) { r.set_seen_term(~uint64_t{0}); },
      [](auto& r) { r.set_slots(1025); },
      [](auto& r) { r.add_workspaces("../etc"); },
      [](auto& r) { r.add_agents()->set_name(""); },
      [](auto& r) { r.add_attempts()->set_handoff_id("a/b"); },
      [](auto& r) {
        for (int i = 0; i < 1001; ++i) r.add_repo_keys("k");
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::SyncRequest request = GoodSync();
    changes[i](request);
    EXPECT_EQ(Validate(request).code(), absl::StatusCode::kInvalidArgument) << i;
  }
}

TEST(ValidateRequests, ACheckpointNamesCommitsAndPacksByTheirHashes) {
  v1::SaveCheckpointRequest good;
  good.set_worker_uuid(std::string(32, 'a'));
  good.set_handoff_id("20270115-mend");
  good.set_number(1);
  good.mutable_checkpoint()->set_commit(std::string(40, 'c'));
  good.mutable_checkpoint()->add_packs()->set_sha256(std::string(64, 'd'));
  EXPECT_TRUE(Validate(good).ok()) << Validate(good);
  struct Bad {
    const char* says;
    std::function<void(v1::Checkpoint&)> change;
  };
  const Bad bad[] = {
      {"commit", [](auto& c) { c.clear_commit(); }},
      {"commit", [](auto& c) { c.set_commit("main"); }},
      {"commit", [](auto& c) { c.set_head_commit("--all"); }},
      {"commit", [](auto& c) { c.set_submitted_commit("x"); }},
      {"commit", [](auto& c) { c.set_session_tree("../x"); }},
      {"SHA-256", [](auto& c) { c.add_packs()->set_sha256("../../etc/passwd"); }},
      {"packs",
       [](auto& c) {
         for (int i = 0; i < 64; ++i) *c.add_packs() = c.packs(0);
       }},
      {"session", [](auto& c) { c.set_session("a\nb"); }},
      {"branch", [](auto& c) { c.set_branch("a\nb"); }},
      {"bytes", [](auto& c) { c.add_notes(std::string(65 << 10, 'x')); }},
  };
  for (const Bad& each : bad) {
    v1::SaveCheckpointRequest request = good;
    each.change(*request.mutable_checkpoint());
    const absl::Status status = Validate(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << each.says;
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.says));
  }
  v1::SaveCheckpointRequest stranger = good;
  stranger.set_worker_uuid("me");
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(stranger)));
  stranger = good;
  stranger.set_number(0);
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(stranger)));
}

TEST(ValidateRequests, AnEndIsNeverRefusedForItsWords) {
  v1::ReportRequest request;
  request.set_worker_uuid("0123-abcd");
  request.set_handoff_id("20261120-x");
  request.set_number(1);
  request.mutable_end()->set_session(std::string(5000, 'x'));
  request.mutable_end()->set_hold_key("a\nb");
  request.mutable_end()->set_failure(static_cast<v1::Failure::Class>(99));
  EXPECT_TRUE(Validate(request).ok()) << Validate(request);
  request.set_handoff_id("../x");
  EXPECT_FALSE(Validate(request).ok());
}

TEST(ValidateEdit, WhatNoDocumentCanBeIsRefused) {
  v1::EditDocumentRequest good;
  good.set_id("20261120-x");
  EXPECT_TRUE(Validate(good).ok());
  std::vector<v1::EditDocumentRequest> bad(5, good);
  bad[0].set_id("../x");
  bad[1].set_version(-1);
  bad[2].set_markdown(std::string((1 << 20) + 1, 'x'));
  bad[3].set_base(std::string((1 << 20) + 1, 'x'));
  bad[4].set_markdown(std::string("a\0b", 3));
  for (const v1::EditDocumentRequest& request : bad)
    EXPECT_EQ(Validate(request).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ValidateDelete, NeedsAnId) {
  v1::DeleteRequest request;
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(request)));
  request.set_id("20261120-x");
  request.set_purge(true);
  EXPECT_TRUE(Validate(request).ok());
}

}  // namespace
}  // namespace handoff
