#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "api/frame_json.h"
#include "api/strict_json.h"
#include "base/encoding.h"

namespace modelrun::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

ResultFrame sample() {
  ResultFrame frame;
  frame.run_uid = "0b5a7f0e-3a0c-4a3a-9b0e-9f7d1c2b3a4d";
  frame.attempt = 2;
  frame.exit = {ExitHow::kExited,
                3,
                std::nullopt,
                parse_rfc3339("2026-04-28T10:00:01.420000Z"),
                parse_rfc3339("2026-04-28T10:00:02.000001Z"),
                1};
  frame.out = {"first\n", "last\n", 12345678};
  frame.err = {"Traceback ä\n", "", 13};
  frame.outputs = json{{"revenue", 1.5}, {"list", {1, 2, 3}}};
  frame.artifacts = {{"plot.png", 3, sha256_hex("abc"), "image/png", std::string("a\0c", 3)},
                     {"big.bin", 1U << 30U, "", "application/octet-stream", std::nullopt}};
  frame.error = FrameError{"OutputsInvalid", "/outputs/x.json: at /a: duplicate key"};
  frame.warning = "two files left out";
  frame.rings = "process,seccomp";
  return frame;
}

std::string random_text(std::mt19937& random, std::size_t max) {
  std::string text(std::uniform_int_distribution<std::size_t>(0, max)(random), '\0');
  const bool binary = random() % 2 == 0;
  for (char& c : text) c = binary ? static_cast<char>(random()) : static_cast<char>('a' + random() % 26);
  return text;
}

ResultFrame random_frame(std::mt19937& random) {
  ResultFrame frame;
  frame.run_uid = random_text(random, random() % 20 == 0 ? 9000 : 40);
  frame.attempt = static_cast<int>(random() % 5);
  frame.exit.how = static_cast<ExitHow>(random() % 7);
  if (random() % 2 == 0) frame.exit.code = static_cast<int>(random() % 256);
  frame.out = {random_text(random, 6000), random_text(random, 6000), random()};
  frame.err = {random_text(random, 6000), random_text(random, 6000), random()};
  if (random() % 2 == 0) frame.outputs = json{{"k", make_valid_utf8(random_text(random, 5000))}};
  if (random() % 3 == 0) frame.artifacts = {{"a", 1, "", "x/y", random_text(random, 5000)}};
  if (random() % 2 == 0) frame.error = FrameError{random_text(random, 200), random_text(random, 9000)};
  frame.warning = random_text(random, 3000);
  return frame;
}

TEST(Frame, RoundTrip) {
  const ResultFrame frame = sample();
  const auto back = decode_frame(encode_frame(frame));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(encode_frame(*back), encode_frame(frame));
  EXPECT_EQ(back->artifacts.at(0).bytes, std::string("a\0c", 3));
  EXPECT_FALSE(back->artifacts.at(1).bytes.has_value());
  EXPECT_EQ(back->exit.finished_at, frame.exit.finished_at);
  EXPECT_EQ(back->exit.oom_kills, 1);
  EXPECT_TRUE(back->out.truncated());
  EXPECT_FALSE(back->err.truncated());
}

TEST(Frame, CompressedArtifactsAndTheirLossSurvive) {
  ResultFrame frame = sample();
  const std::string text(100'000, 'x');
  frame.artifacts = {{"a.txt", text.size(), sha256_hex(text), "text/plain", gzip(text), true}};
  frame.artifact_loss = "artifacts were not kept: 'b.txt'";
  const auto back = decode_frame(encode_frame(frame));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->artifacts.size(), 1U);
  EXPECT_EQ(contents_of(back->artifacts[0]).value_or(""), text);
  EXPECT_EQ(back->artifact_loss, frame.artifact_loss);
}

TEST(Frame, ContentsOfAnArtifactAreBoundedAndChecked) {
  const auto kind = [](const Artifact& artifact) {
    const auto contents = contents_of(artifact);
    return contents ? std::optional<ErrorKind>() : contents.error().kind;
  };
  const std::string most(kMaxArtifactContents, '\0');
  EXPECT_EQ(kind({"most", most.size(), "", "", gzip(most), true}), std::nullopt);
  EXPECT_EQ(kind({"bomb", most.size() + 1, "", "", gzip(most + "x"), true}), ErrorKind::kTooLarge);
  EXPECT_EQ(kind({"size", 2, "", "", gzip("abc"), true}), ErrorKind::kInvalid);
  EXPECT_EQ(kind({"size", 2, "", "", "abc"}), ErrorKind::kInvalid);
  EXPECT_EQ(kind({"damaged", 3, "", "", "abc", true}), ErrorKind::kInvalid);
  EXPECT_EQ(kind({"not kept", 3, "", "", std::nullopt}), ErrorKind::kNotFound);
}

TEST(Frame, AbsentAndEmptyOutputsDiffer) {
  ResultFrame frame = sample();
  frame.outputs = json::object();
  EXPECT_TRUE(decode_frame(encode_frame(frame))->outputs.has_value());
  frame.outputs.reset();
  EXPECT_FALSE(decode_frame(encode_frame(frame))->outputs.has_value());
}

TEST(Frame, EveryKindOfEndHasItsOwnWord) {
  for (int how = 0; how < 7; ++how) {
    const auto parsed = parse_exit_how(to_string(static_cast<ExitHow>(how)));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, static_cast<ExitHow>(how));
  }
  EXPECT_FALSE(parse_exit_how("Fine").has_value());
}

TEST(Frame, OutputsAtTheDepthLimitSurvive) {
  ResultFrame frame = sample();
  frame.outputs = *parse_strict(R"({"a":)" + std::string(99, '[') + std::string(99, ']') + "}");
  const auto back = decode_frame(encode_frame(frame));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back->outputs, *frame.outputs);
  EXPECT_TRUE(frame_from_termination_message(frame_to_termination_message(frame)).has_value());
}

TEST(Frame, WrongTypesAreErrorsNotCrashes) {
  for (const char* text :
       {"[]", "3", "{}", R"({"exit":[]})", R"({"exit":{"how":"Fine"}})", R"({"exit":{"how":3}})",
        R"({"exit":{"how":"Exited","code":256}})", R"({"exit":{"how":"Exited","code":"1"}})",
        R"({"exit":{"how":"Exited","signal":0}})", R"({"exit":{"how":"Exited"},"outputs":[]})",
        R"({"exit":{"how":"Exited"},"artifacts":[3]})", R"({"exit":{"how":"Exited"},"stdout":3})",
        R"({"exit":{"how":"Exited"},"artifacts":[{"bytes":"!"}]})", R"({"exit":{"how":"Exited","startedAt":"noon"}})",
        R"({"exit":{"how":"Exited"},"error":1})"}) {
    EXPECT_FALSE(decode_frame(text).has_value()) << text;
  }
  EXPECT_TRUE(decode_frame(R"({"exit":{"how":"Exited"}})").has_value());
}

// 1e14 becomes 100000000000000.0, so outputs can grow.
TEST(Frame, OutputsThatGrowAreBoundedToo) {
  const auto with_numbers = [](std::size_t count) {
    std::string text = R"({"runUid":"u","attempt":1,"exit":{"how":"Exited","code":0},"outputs":{"x":[0)";
    for (std::size_t i = 0; i < count; ++i) text += ",1e14";
    return text + "]}}";
  };
  ASSERT_TRUE(decode_frame(with_numbers(1000)));
  const auto text = with_numbers(2'000'000);
  ASSERT_LT(text.size(), kMaxFrameBytes);
  EXPECT_EQ(decode_frame(text).error().kind, ErrorKind::kTooLarge);
}

TEST(Frame, TheNamesOfRingsAreBounded) {
  const auto frame = decode_frame(R"({"exit":{"how":"Exited","code":0},"rings":")" + std::string(10'000, 'r') + "\"}");
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->rings.size(), 64U);
}

TEST(Frame, EveryPrefixIsAnErrorNotACrash) {
  const std::string text = encode_frame(sample());
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode_frame(text.substr(0, size)).has_value());
}

TEST(FrameLog, RoundTripThroughNoise) {
  const ResultFrame frame = sample();
  std::string log = "starting\nMODELRUN-RESULTS no\n";
  std::string lines = frame_to_log(frame);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at) + 1;
    log += lines.substr(at, end - at) + "2026 note: something else\n\n";
    at = end;
  }
  const auto back = frame_from_log(log);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(encode_frame(*back), encode_frame(frame));
}

TEST(FrameLog, ManyPartsInShortLines) {
  std::mt19937 random(7);
  ResultFrame frame = sample();
  frame.artifacts.at(0).bytes = std::string(700'000, '\0');
  for (char& c : *frame.artifacts.at(0).bytes) c = static_cast<char>(random());
  const std::string log = frame_to_log(frame);
  std::size_t longest = 0;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = log.find('\n', at);
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  EXPECT_LT(longest, 16U << 10U);
  const auto back = frame_from_log(log);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->artifacts.at(0).bytes, frame.artifacts.at(0).bytes);

  // Without any one of its lines it is not a frame.
  for (const std::size_t drop : {log.find("2/"), log.find("MODELRUN-RESULT 1/"), log.rfind("MODELRUN-RESULT end")}) {
    const std::size_t from = log.rfind('\n', drop) == std::string::npos || drop == 0 ? 0 : log.rfind('\n', drop) + 1;
    std::string cut = log;
    cut.erase(from, log.find('\n', drop) + 1 - from);
    const auto damaged = frame_from_log(cut);
    ASSERT_FALSE(damaged.has_value());
    EXPECT_EQ(damaged.error().kind, ErrorKind::kInvalid);
  }
}

TEST(FrameLog, CutAnywhereIsInvalidOrNotFound) {
  const std::string log = frame_to_log(sample());
  // Cutting the final line end alone loses nothing.
  for (std::size_t size = 0; size + 1 < log.size(); ++size) {
    const auto back = frame_from_log(log.substr(0, size));
    ASSERT_FALSE(back.has_value()) << size;
    EXPECT_EQ(back.error().kind, size > 20 ? ErrorKind::kInvalid : back.error().kind);
  }
  EXPECT_EQ(frame_from_log("nothing here\n").error().kind, ErrorKind::kNotFound);
}

TEST(FrameLog, ADamagedByteIsSeen) {
  const std::string log = frame_to_log(sample());
  for (std::size_t at = 30; at < log.size(); at += 7) {
    std::string damaged = log;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    const auto back = frame_from_log(damaged);
    if (back) {
      EXPECT_EQ(encode_frame(*back), encode_frame(sample()));
    }
  }
}

TEST(FrameLog, TheLastWholeFrameWins) {
  ResultFrame second = sample();
  second.attempt = 9;
  const std::string log = frame_to_log(sample()) + frame_to_log(second);
  EXPECT_EQ(frame_from_log(log)->attempt, 9);
  EXPECT_EQ(frame_from_log(log + "MODELRUN-RESULT 1/3 AAAA\n")->attempt, 9);
  EXPECT_EQ(frame_from_log(log + "MODELRUN-RESULT end 00 1 1\n")->attempt, 9);
}

TEST(FrameLog, ADocumentThatIsTooLargeIsNotUnpacked) {
  ResultFrame large = sample();
  large.out = {std::string(1'000'000, 'a'), "", 1'000'000};  // compresses to very little
  const std::string log = frame_to_log(sample()) + frame_to_log(large);
  ASSERT_LT(log.size(), 100'000U);
  EXPECT_EQ(frame_from_log(log, 512 * 1024).error().kind, ErrorKind::kTooLarge) << "not the one before it either";
  EXPECT_EQ(frame_from_log(log)->out.total_bytes, 1'000'000U);
}

TEST(TerminationMessage, SmallFrameIsComplete) {
  ResultFrame frame = sample();
  const auto back = frame_from_termination_message(frame_to_termination_message(frame));
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->complete);
  EXPECT_EQ(encode_frame(back->frame), encode_frame(frame));
}

TEST(TerminationMessage, LargeFrameKeepsExitErrorAndTheEnds) {
  ResultFrame frame = sample();
  frame.out = {std::string(100'000, 'a') + "THE END", "", 100'007};
  frame.err = {std::string(100'000, 'b'), std::string(100'000, 'c') + "ValueError: x", 300'000};
  const std::string text = frame_to_termination_message(frame);
  EXPECT_LE(text.size(), kTerminationMessageBytes);
  EXPECT_GT(text.size(), kTerminationMessageBytes / 2);
  const auto back = frame_from_termination_message(text);
  ASSERT_TRUE(back.has_value());
  EXPECT_FALSE(back->complete);
  EXPECT_EQ(back->frame.exit.code, 3);
  EXPECT_EQ(back->frame.error->message, frame.error->message);
  EXPECT_EQ(*back->frame.outputs, *frame.outputs);
  EXPECT_TRUE(back->frame.out.tail.ends_with("THE END"));
  EXPECT_TRUE(back->frame.err.tail.ends_with("ValueError: x"));
  EXPECT_EQ(back->frame.out.total_bytes, 100'007U);
}

TEST(TerminationMessage, AlwaysFitsAndAlwaysReads) {
  std::mt19937 random(20260428);
  for (int i = 0; i < 400; ++i) {
    const ResultFrame frame = random_frame(random);
    const std::string text = frame_to_termination_message(frame);
    ASSERT_LE(text.size(), kTerminationMessageBytes);
    const auto back = frame_from_termination_message(text);
    ASSERT_TRUE(back.has_value()) << back.error().message << text;
    ASSERT_EQ(back->frame.exit.how, frame.exit.how);
    ASSERT_EQ(back->frame.exit.code, frame.exit.code);
    ASSERT_EQ(back->frame.attempt, frame.attempt);
  }
}

TEST(TerminationMessage, SizesAroundTheLimit) {
  ResultFrame frame;
  frame.exit = {ExitHow::kExited, 0, std::nullopt, std::nullopt, std::nullopt, 0};
  bool was_complete = true;
  for (std::size_t size = 3000; size < 4200; ++size) {
    frame.out.head = std::string(size, 'x');
    const std::string text = frame_to_termination_message(frame);
    ASSERT_LE(text.size(), kTerminationMessageBytes);
    const bool complete = frame_from_termination_message(text)->complete;
    ASSERT_TRUE(was_complete || !complete);
    was_complete = complete;
  }
  EXPECT_FALSE(was_complete);
}

TEST(TerminationMessage, ArtifactsThatItLeavesOutAreALoss) {
  ResultFrame frame = sample();
  frame.artifacts[0].bytes = std::string(5000, 'x');
  const auto compact = frame_from_termination_message(frame_to_termination_message(frame));
  ASSERT_TRUE(compact);
  EXPECT_FALSE(compact->complete);
  EXPECT_THAT(compact->frame.artifact_loss, HasSubstr("no artifact was kept"));
}

TEST(TerminationMessage, NotOurs) {
  EXPECT_EQ(frame_from_termination_message("").error().kind, ErrorKind::kNotFound);
  for (const char* text : {"Error: x", "{}", "[]", R"({"frame":3})", R"({"complete":true,"frame":{}})"}) {
    EXPECT_EQ(frame_from_termination_message(text).error().kind, ErrorKind::kInvalid) << text;
  }
}

}  // namespace
}  // namespace modelrun::api
