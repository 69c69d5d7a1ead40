#include "common/identity/ticket.h"

#include <openssl/err.h>

#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "common/identity/base64.h"
#include "common/identity/parts.h"
#include "common/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr char kDamaged[] = "this line is damaged or not complete: paste it again, all of it";

auto IsRefused(const std::string& words) {
  return Refuses(absl::StatusCode::kInvalidArgument, words);
}

class TicketTest : public ::testing::Test {
 protected:
  Ticket Make(TicketKind kind = TicketKind::kWorker, absl::Duration life = absl::Minutes(30),
              std::vector<std::string> addresses = {"pool.example.org:7443", "10.0.0.1:7443"}) {
    return *MakeTicket(kind, std::move(addresses), PoolAuthorityForTest(), "00112233aabbccdd", now_,
                       now_ + life);
  }
  static std::string LineOf(const Ticket& ticket) {
    const auto line = EncodeTicket(ticket);
    EXPECT_TRUE(line.ok()) << line.status();
    return line.ok() ? std::string(line->Reveal()) : "";
  }
  absl::Status Decode(absl::string_view line, TicketKind kind = TicketKind::kWorker) {
    return DecodeTicket(line, kind, now_).status();
  }
  const absl::Time now_ = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
};

TEST_F(TicketTest, ComesBackFromItsLine) {
  for (const auto& [kind, form] : {std::pair{TicketKind::kWorker, "hfw1_[-_A-Za-z0-9]+"},
                                   std::pair{TicketKind::kUser, "hfu1_[-_A-Za-z0-9]+"},
                                   std::pair{TicketKind::kCi, "hfc1_[-_A-Za-z0-9]+"}}) {
    const Ticket made = Make(kind);
    const std::string line = LineOf(made);
    EXPECT_THAT(line, MatchesRegex(form));
    EXPECT_LT(line.size(), 4096u);
    const auto read = DecodeTicket(absl::StrCat("  ", line, "\r\n"), kind, now_);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->kind, kind);
    EXPECT_THAT(read->addresses, ElementsAre("pool.example.org:7443", "10.0.0.1:7443"));
    EXPECT_EQ(read->authority.der(), PoolAuthorityForTest().certificate.der());
    EXPECT_EQ(read->certificate.der(), made.certificate.der());
    EXPECT_EQ(read->key.public_key(), made.key.public_key());
    EXPECT_EQ(read->token_id, "00112233aabbccdd");
    EXPECT_EQ(read->expires, now_ + absl::Minutes(30));
    EXPECT_TRUE(SecretMatches(read->secret, HashSecret(made.secret)));
    EXPECT_EQ(read->secret.size(), 32u);
  }
}

TEST_F(TicketTest, FitsIntoATerminalsLineWithAllAddresses) {
  const std::vector<std::string> addresses(4, std::string(255, 'a'));
  const std::string line = LineOf(Make(TicketKind::kUser, absl::Minutes(1), addresses));
  EXPECT_LT(line.size(), 4096u);
  EXPECT_EQ(Decode(line, TicketKind::kUser), absl::OkStatus());
}

TEST_F(TicketTest, EveryWrongCharacterIsNoticed) {
  const std::string line = LineOf(Make());
  const absl::string_view alphabet(kAlphabet);
  for (size_t i = 0; i < line.size(); ++i) {
    const size_t at = alphabet.find(line[i]);
    ASSERT_NE(at, absl::string_view::npos);
    // The neighbours differ in unused bits, too, where there are such at the end.
    for (const char other : {alphabet[at ^ 1], alphabet[at ^ 2], alphabet[(at + 26) % 64], '=', ' ',
                             '\n', '\0', '\xc3'}) {
      std::string wrong = line;
      wrong[i] = other;
      EXPECT_FALSE(Decode(wrong).ok()) << i << " became " << static_cast<int>(other);
    }
  }
}

TEST_F(TicketTest, EveryCutIsNoticedAsOne) {
  const std::string line = LineOf(Make());
  for (size_t length = 5; length < line.size(); ++length) {
    EXPECT_THAT(Decode(line.substr(0, length)), IsRefused(kDamaged)) << length;
  }
  for (size_t length = 0; length < 5; ++length) EXPECT_FALSE(Decode(line.substr(0, length)).ok());
  for (size_t begin = 1; begin < line.size(); ++begin) {
    EXPECT_FALSE(Decode(line.substr(begin)).ok()) << begin;
  }
  EXPECT_THAT(Decode(line + line), IsRefused(kDamaged));
  EXPECT_THAT(Decode(line + "A"), IsRefused(kDamaged));
  EXPECT_THAT(Decode(line.substr(0, 800) + "\n" + line.substr(800)), IsRefused(kDamaged));
  EXPECT_THAT(Decode("hfw1_" + std::string(1 << 20, 'A')), IsRefused(kDamaged));
}

TEST_F(TicketTest, AnotherKindIsSaidWithTheCommandThatTakesIt) {
  const std::string user = LineOf(Make(TicketKind::kUser)), ci = LineOf(Make(TicketKind::kCi));
  EXPECT_THAT(Decode(user, TicketKind::kWorker),
              IsRefused("this line is for handoff login, not for handoff-worker join"));
  EXPECT_THAT(Decode(LineOf(Make()), TicketKind::kUser),
              IsRefused("this line is for handoff-worker join, not for handoff login"));
  EXPECT_THAT(Decode(ci, TicketKind::kUser),
              IsRefused("this line is for the environment variable HANDOFF_TOKEN"));
  // The letter alone makes no other kind of it.
  EXPECT_THAT(Decode("hfw1_" + user.substr(5)), IsRefused(kDamaged));
}

TEST_F(TicketTest, SomethingElseIsSaidToBe) {
  for (const char* text :
       {"", "hello", "hfx1_AAAA", "handoff-worker join hfw1_AAAA", "HFW1_AAAA"}) {
    EXPECT_THAT(Decode(text), IsRefused("this is not a line that a pool made: one for "
                                        "handoff-worker join begins with hfw1_; handoff worker "
                                        "invite makes one"));
  }
  EXPECT_THAT(Decode("hfw2_AAAA"), IsRefused("another version of handoff"));
}

TEST_F(TicketTest, AnExpiredOneIsToldWithSinceWhen) {
  const std::string line = LineOf(Make(TicketKind::kWorker, absl::Minutes(30)));
  const auto at = [&](absl::Duration later) {
    return DecodeTicket(line, TicketKind::kWorker, now_ + later).status();
  };
  EXPECT_EQ(at(absl::Minutes(30) - absl::Seconds(1)), absl::OkStatus());
  EXPECT_EQ(at(-absl::Minutes(5)), absl::OkStatus());  // a clock that is a little behind
  EXPECT_THAT(at(absl::Minutes(30) + absl::Hours(3)),
              Refuses(absl::StatusCode::kDeadlineExceeded,
                      "this line expired 3 h ago: ask for a new one (handoff worker invite)"));
  EXPECT_THAT(at(-absl::Hours(2)),
              Refuses(absl::StatusCode::kUnauthenticated, "are the clocks of both hosts right?"));
}

// With a checksum that fits, as somebody with a program can make it.
std::string LineOfParts(std::initializer_list<absl::string_view> parts,
                        absl::string_view add = "") {
  const Secret packed = PackParts(parts);
  std::string bytes = absl::StrCat(packed.Reveal(), add);
  bytes += FromHex(Sha256Hex("hfw1_" + bytes).substr(0, 16)).value_or("");
  const Secret text = ToBase64Url(bytes);
  return absl::StrCat("hfw1_", text.Reveal());
}

TEST_F(TicketTest, WhatDoesNotFitTogetherIsRefused) {
  const Ticket good = Make();
  const Ticket other = *MakeTicket(TicketKind::kWorker, {"a:1"}, PoolAuthorityForTest(), "ff", now_,
                                   now_ + absl::Minutes(30));
  const auto twin = MakeAuthority(kPool, now_);
  const Certificate worker = IssueForTest(WorkerName(), good.key);
  const auto key = good.key.ToDer(), other_key = other.key.ToDer();
  const std::string expires("\0\0\0\0\xff\xff\xff\xff", 8);
  const std::string& ca = good.authority.der();
  const std::string& leaf = good.certificate.der();
  const absl::string_view secret = good.secret.Reveal(), k = key->Reveal(), id = good.token_id;
  EXPECT_EQ(Decode(LineOfParts({"a:1", ca, leaf, k, id, secret, expires})), absl::OkStatus());
  const std::string lines[] = {
      LineOfParts({"", ca, leaf, k, id, secret, expires}),
      LineOfParts({"a:1 b:1 c:1 d:1 e:1", ca, leaf, k, id, secret, expires}),
      LineOfParts({"a:1  b:1", ca, leaf, k, id, secret, expires}),
      LineOfParts({"a:1\nb", ca, leaf, k, id, secret, expires}),
      LineOfParts({std::string(256, 'a'), ca, leaf, k, id, secret, expires}),
      LineOfParts({"a:1", twin->certificate.der(), leaf, k, id, secret, expires}),
      LineOfParts({"a:1", leaf, leaf, k, id, secret, expires}),
      LineOfParts({"a:1", ca, ca, k, id, secret, expires}),
      LineOfParts({"a:1", ca, worker.der(), k, id, secret, expires}),
      LineOfParts({"a:1", ca, other.certificate.der(), k, id, secret, expires}),
      LineOfParts({"a:1", ca, leaf, other_key->Reveal(), id, secret, expires}),
      LineOfParts({"a:1", ca, leaf, "", id, secret, expires}),
      LineOfParts({"a:1", ca, leaf, k, "ff", secret, expires}),
      LineOfParts({"a:1", ca, leaf, k, "", secret, expires}),
      LineOfParts({"a:1", ca, leaf, k, id, secret.substr(1), expires}),
      LineOfParts({"a:1", ca, leaf, k, id, "", expires}),
      LineOfParts({"a:1", ca, leaf, k, id, secret, ""}),
      LineOfParts({"a:1", ca, leaf, k, id, secret, std::string(8, '\xff')}),
      LineOfParts({"a:1", ca, leaf, k, id, secret, std::string(8, '\0')}),
      LineOfParts({"a:1", ca, leaf, k, id, secret}),
      LineOfParts({"a:1", ca, leaf, k, id, secret, expires, ""}),
      LineOfParts({"a:1", ca, leaf, k, id, secret, expires}, "x"),
  };
  for (const std::string& line : lines) EXPECT_FALSE(Decode(line).ok()) << (&line - lines);
}

TEST_F(TicketTest, NonsenseWithAGoodChecksumIsRefused) {
  const Ticket good = Make();
  const auto key = good.key.ToDer();
  const Secret packed =
      PackParts({"a:1", good.authority.der(), good.certificate.der(), key->Reveal()});
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(packed.Reveal());
    for (int n = 0; n < 1 + i % 5; ++n) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto parts = UnpackParts(bytes, 4);
    if (!parts.has_value()) continue;
    // What it read is taken or refused; under the sanitizers nothing else happens either.
    const auto& p = *parts;
    const absl::Status status = Decode(LineOfParts(
        {p[0], p[1], p[2], p[3], good.token_id, good.secret.Reveal(), {"\0\0\0\0\xff\0\0\0", 8}}));
    if (p[1] != good.authority.der() || p[2] != good.certificate.der()) {
      EXPECT_FALSE(status.ok()) << i;
    }
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "left behind for gRPC to find";
}

TEST_F(TicketTest, OneThatWouldBeRefusedIsNotMadeIntoALine) {
  Ticket ticket = Make();
  ticket.addresses = {"a b"};
  EXPECT_THAT(EncodeTicket(ticket).status(), IsRefused("1 to 4 addresses"));
  ticket = Make();
  ticket.secret = Secret("short");
  EXPECT_THAT(EncodeTicket(ticket).status(), IsRefused("has 32 bytes"));
  ticket = Make();
  ticket.token_id = "another";
  EXPECT_THAT(EncodeTicket(ticket).status(), IsRefused("of another token or key"));
  ticket = Make();
  ticket.expires += absl::Hours(1);
  EXPECT_THAT(EncodeTicket(ticket).status(),
              Refuses(absl::StatusCode::kUnauthenticated, "expired"));
  EXPECT_THAT(MakeTicket(TicketKind::kCi, {"a:1"}, PoolAuthorityForTest(), "A/B", now_,
                         now_ + absl::Hours(1))
                  .status(),
              IsRefused("is no name for a token"));
}

TEST_F(TicketTest, NoErrorRepeatsWhatIsInTheLine) {
  const Ticket ticket = Make();
  const std::string line = LineOf(ticket);
  const absl::Status statuses[] = {
      Decode(line.substr(0, 300)),
      Decode(line.substr(1)),
      Decode(line, TicketKind::kUser),
      Decode("hfw3_" + line.substr(5)),
      DecodeTicket(line, TicketKind::kWorker, now_ + absl::Hours(24)).status(),
      DecodeTicket(line, TicketKind::kWorker, now_ - absl::Hours(24)).status(),
  };
  for (const absl::Status& status : statuses) {
    ASSERT_FALSE(status.ok());
    for (size_t i = 5; i + 6 <= line.size(); ++i) {
      ASSERT_FALSE(absl::StrContains(status.message(), line.substr(i, 6))) << status;
    }
  }
}

TEST_F(TicketTest, TokenIdsAreNamesAndDiffer) {
  EXPECT_NE(NewTokenId(), NewTokenId());
  EXPECT_TRUE(CheckPeerName({kPool, PeerKind::kToken, NewTokenId()}).ok());
}

}  // namespace
}  // namespace handoff
