// The collector against what a hostile model can leave in a real directory.
#include "sandbox/collect.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "api/json_text.h"
#include "base/encoding.h"
#include "base/fd.h"
#include "base/printable.h"

namespace modelrun::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class Collect : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "collect-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    root_ = name + "/outputs";
    fs::create_directory(root_);
    write_at(top_ + "/secret", "the secret");
  }
  void TearDown() override { fs::remove_all(top_); }

  static void write_at(const std::string& path, std::string_view text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  void write(const std::string& name, std::string_view text) const { write_at(root_ + "/" + name, text); }
  [[nodiscard]] Collected collect() const { return collect_outputs(root_, limits_); }

  // Nothing of the file outside was taken.
  static void expect_no_secret(const Collected& got) {
    for (const auto& artifact : got.artifacts)
      EXPECT_THAT(api::contents_of(artifact).value_or(""), Not(HasSubstr("secret")));
    EXPECT_THAT(got.outputs.value_or(""), Not(HasSubstr("secret")));
    EXPECT_THAT(got.error.value_or(api::FrameError{}).message, Not(HasSubstr("the secret")));
  }

  std::string top_;
  std::string root_;
  CollectLimits limits_;
};

TEST_F(Collect, NothingIsNotAnEmptyObject) {
  EXPECT_FALSE(collect().outputs.has_value());
  write(".modelrun/result.json", R"({"models":{},"result":{}})");
  EXPECT_EQ(collect().outputs, "{}");
}

TEST_F(Collect, UnionOfFilesAndResult) {
  write("a.json", "[1]");
  write(".modelrun/result.json", R"({"models":{},"result":{"b":{"c":2}}})");
  const auto got = collect();
  EXPECT_EQ(got.outputs, R"({"a":[1],"b":{"c":2}})");
  EXPECT_FALSE(got.error);
  EXPECT_TRUE(got.warning.empty());
  EXPECT_TRUE(got.artifacts.empty());
}

TEST_F(Collect, TheSameKeyTwiceIsNamed) {
  write("a.json", "1");
  write(".modelrun/result.json", R"({"result":{"a":2}})");
  const auto got = collect();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->reason, "OutputsInvalid");
  EXPECT_THAT(got.error->message, HasSubstr("'a' comes twice"));
}

TEST_F(Collect, AKeyThatComesTwiceCountsOnce) {
  limits_.outputs.bytes = 100;
  const std::string value = "\"" + std::string(80, 'x') + "\"";
  write("a.json", value);
  write(".modelrun/result.json", R"({"result":{"a":)" + value + "}}");
  const auto got = collect();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->reason, "OutputsInvalid");
  EXPECT_EQ(got.outputs, R"({"a":)" + value + "}");
}

TEST_F(Collect, OutputsAreTheTextOfAJsonText) {
  // In the order of the names themselves, which is not that of the names as JSON.
  write(".modelrun/result.json",
        R"({"result":{"a\tb":1,"aZ":2,"\u0001":3,"\"":4,"~":5},"models":{"m":{"b\n":1,"b!":2}}})");
  write(".modelrun/models/m/b.json", "3");
  const auto got = collect();
  ASSERT_TRUE(got.outputs);
  EXPECT_EQ(*got.outputs, api::JsonText(nlohmann::json::parse(*got.outputs)).text());
}

TEST_F(Collect, CountsAreNotCutOff) {
  limits_.walk.depth = 1;
  for (int i = 0; i < 30; ++i) {
    write(fmt::format("{}{}.json", std::string(200, 'x'), i), "{");
    fs::create_directory(root_ + fmt::format("/{}{}", std::string(200, 'd'), i));
  }
  const auto got = collect();
  EXPECT_THAT(got.warning, EndsWith("; and 22 more"));
  EXPECT_LE(got.warning.size(), 1024U);
  ASSERT_TRUE(got.error);
  EXPECT_THAT(got.error->message, EndsWith(" (and 29 more problems)"));
  write(".modelrun/error.json", R"({"reason":"OutputsInvalid","message":")" + std::string(5000, 'm') + "\"}");
  const auto long_one = collect();
  EXPECT_THAT(long_one.error->message, EndsWith("... (and 29 more problems)"));
  EXPECT_EQ(long_one.error->message.size(), 1000U);
}

TEST_F(Collect, ModelsOfAPipeline) {
  write(".modelrun/result.json", R"({"result":{"t":1},"models":{"revenue":{"total":3}}})");
  write(".modelrun/models/revenue/rows.json", "[1]");
  write(".modelrun/models/late/x.json", "{}");
  EXPECT_EQ(collect().outputs, R"({"late":{"x":{}},"revenue":{"rows":[1],"total":3},"t":1})");
  write(".modelrun/models/revenue/total.json", "4");
  EXPECT_THAT(collect().error->message, HasSubstr("'total' comes twice"));
}

TEST_F(Collect, BadJsonNamesFilePathAndReason) {
  write("good.json", "1");
  write("bad.json", R"({"a":[1,NaN]})");
  const auto got = collect();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->message,
            "/outputs/bad.json: at /a/1: NaN and Infinity are not JSON; write null or a string instead");
  EXPECT_EQ(got.outputs, R"({"good":1})");
}

TEST_F(Collect, TheHarnesssWrapperIsNotPartOfThePlace) {
  write(".modelrun/result.json", R"({"models":{},"result":{"x":[0,18446744073709551616]}})");
  EXPECT_THAT(collect().error->message, HasSubstr("result: at /x/1: integer"));
}

TEST_F(Collect, TheHarnesssErrorIsTaken) {
  write(".modelrun/error.json", R"({"reason":"EntryPointNotFound","message":"run.py is not there"})");
  EXPECT_EQ(collect().error->reason, "EntryPointNotFound");
  write(".modelrun/error.json", R"({"reason":"Evicted","message":"x"})");
  EXPECT_EQ(collect().error->reason, "OutputsInvalid");
  write(".modelrun/error.json", "[]");
  EXPECT_FALSE(collect().error);
}

TEST_F(Collect, SizeLimitIsExact) {
  limits_.outputs.bytes = 100;
  write("k.json", "\"" + std::string(92, 'x') + "\"");  // {"k":"…"} is 8 more
  EXPECT_FALSE(collect().error);
  write("k.json", "  \"" + std::string(92, 'x') + "\"  ");
  EXPECT_FALSE(collect().error);
  write("k.json", "\"" + std::string(93, 'x') + "\"");
  const auto got = collect();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->reason, "OutputsTooLarge");
  EXPECT_THAT(got.error->message, HasSubstr("101 bytes"));
  EXPECT_FALSE(got.outputs);
}

// Bytes that gzip does not make smaller, the same at each call.
std::string noise(std::size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& each : bytes) each = static_cast<char>(random() & 0xffU);
  return bytes;
}

// A CSV of a random walk, as a model writes a forecast.
std::string random_walk(std::size_t size) {
  std::mt19937 random(7);
  std::normal_distribution<double> step(0, 1);
  std::string text = "step,value\n";
  double value = 100;
  for (int i = 0; text.size() < size; ++i) text += fmt::format("{},{:.6f}\n", i, value += step(random));
  return text;
}

TEST_F(Collect, ALargeTableIsKeptBesideLargeOutputs) {
  const std::string table = random_walk(3'500'000);
  limits_.outputs.bytes = 12;
  write("a.json", "\"12\"");  // with its name, the outputs take almost all of their room, and none of the artifacts'
  write("table.csv", table);
  const auto got = collect();
  EXPECT_FALSE(got.error);
  ASSERT_EQ(got.artifacts.size(), 1U);
  ASSERT_TRUE(got.artifacts[0].bytes);
  EXPECT_TRUE(got.artifacts[0].gzip);
  EXPECT_LT(got.artifacts[0].bytes->size(), std::size_t{2} << 20U);
  EXPECT_EQ(api::contents_of(got.artifacts[0]).value_or(""), table);
  EXPECT_EQ(got.artifact_loss, "");
}

TEST_F(Collect, AsManyArtifactsAsPossibleAreKept) {
  limits_.artifacts.bytes = 10'000;
  write("a.bin", noise(9'000));
  write("b.bin", noise(4'000));
  write("c.bin", noise(5'000));
  write("d.bin", noise(3'000));
  write("zeros.bin", std::string(1'000'000, '\0'));  // the largest, and the smallest when it is compressed
  const auto got = collect();
  ASSERT_EQ(got.artifacts.size(), 5U);
  std::string kept;
  for (const auto& each : got.artifacts) kept += each.bytes ? each.name + " " : "";
  EXPECT_EQ(kept, "b.bin d.bin zeros.bin ");
  for (const auto& each : got.artifacts) EXPECT_EQ(each.sha256.size(), 64U) << each.name;
  EXPECT_THAT(got.artifact_loss, HasSubstr("'a.bin'"));
  EXPECT_THAT(got.artifact_loss, HasSubstr("'c.bin'"));
  EXPECT_THAT(got.artifact_loss, Not(HasSubstr("'b.bin'")));
}

TEST_F(Collect, OfArtifactsOfOneSizeTheFirstIsKept) {
  limits_.artifacts.bytes = 10'000;
  for (const char* name : {"a.bin", "b.bin", "c.bin"}) write(name, noise(4'000));
  const auto got = collect();
  ASSERT_EQ(got.artifacts.size(), 3U);
  EXPECT_TRUE(got.artifacts[0].bytes && got.artifacts[1].bytes && !got.artifacts[2].bytes);
  EXPECT_THAT(got.artifact_loss,
              HasSubstr("'c.bin': compressed they are 2000 bytes more than the 10000 that are kept"));
  EXPECT_THAT(got.artifact_loss, HasSubstr("raise limits.artifactBytes of the project to 12000"));
}

TEST_F(Collect, TheNamesOfLostArtifactsAreBounded) {
  limits_.artifacts.bytes = 0;
  for (int i = 0; i < 40; ++i) write(fmt::format("{:02}{}.bin", i, std::string(200, 'n')), noise(100));
  const auto loss = collect().artifact_loss;
  EXPECT_LE(loss.size(), 1000U);
  EXPECT_THAT(loss, HasSubstr("and 35 more"));
  EXPECT_THAT(loss, HasSubstr("limits.artifactBytes"));
}

TEST_F(Collect, ContentsAreBoundedBeforeCompression) {
  limits_.artifacts.contents = 1'000'000;
  limits_.artifacts.all_contents = 1'500'000;
  write("bomb.bin", std::string(1'000'001, '\0'));
  write("one.bin", std::string(900'000, '\0'));
  write("two.bin", std::string(900'001, '\0'));
  const auto got = collect();
  ASSERT_EQ(got.artifacts.size(), 3U);
  EXPECT_FALSE(got.artifacts[0].bytes) << "too large itself";
  EXPECT_TRUE(got.artifacts[1].bytes);
  EXPECT_FALSE(got.artifacts[2].bytes) << "too large together with the one before";
  EXPECT_THAT(got.artifact_loss, HasSubstr("'two.bin', 'bomb.bin': too large"));
}

TEST_F(Collect, WhatIsNotListedIsALoss) {
  write("kept.txt", "x");
  EXPECT_EQ(collect().artifact_loss, "");
  write("linked.txt", "x");
  fs::create_hard_link(root_ + "/linked.txt", root_ + "/other.txt");
  EXPECT_THAT(collect().artifact_loss, HasSubstr("not listed"));
  fs::remove(root_ + "/other.txt");
  EXPECT_EQ(collect().artifact_loss, "");
  limits_.walk.depth = 2;
  write("a/b/c/deep.txt", "x");
  EXPECT_THAT(collect().artifact_loss, HasSubstr("not listed"));
}

TEST_F(Collect, AFileThatCannotBeReadIsALoss) {
  const auto tree = OutputTree::open(root_);
  ASSERT_TRUE(tree);
  const auto got = collect_artifacts(*tree, {{"gone.txt", 1}}, {});
  EXPECT_TRUE(got.list.empty());
  EXPECT_THAT(got.loss, HasSubstr("'gone.txt': it could not be read"));
}

TEST_F(Collect, ArtifactsWithDigestBytesAndRoom) {
  limits_.artifacts.bytes = 4;
  write("a.csv", "12345678");
  write("dir/b.png", "123");
  const auto got = collect();
  ASSERT_EQ(got.artifacts.size(), 2U);
  EXPECT_EQ(got.artifacts[0].name, "a.csv");
  EXPECT_EQ(got.artifacts[0].media_type, "text/csv");
  EXPECT_FALSE(got.artifacts[0].bytes);
  EXPECT_EQ(got.artifacts[1].name, "dir/b.png");
  EXPECT_EQ(got.artifacts[1].sha256, sha256_hex("123"));
  EXPECT_EQ(got.artifacts[1].bytes, "123");
  EXPECT_THAT(got.artifact_loss, HasSubstr("'a.csv'"));
}

TEST_F(Collect, CountLimit) {
  limits_.artifacts.count = 3;
  for (int i = 0; i < 5; ++i) write(fmt::format("{}.txt", i), "x");
  const auto got = collect();
  EXPECT_EQ(got.artifacts.size(), 3U);
  EXPECT_THAT(got.artifact_loss, HasSubstr("'3.txt', '4.txt': files beyond the first 3"));
}

TEST_F(Collect, LinksAreNotFollowed) {
  fs::create_symlink(top_ + "/secret", root_ + "/link.json");
  fs::create_symlink(top_ + "/secret", root_ + "/link.txt");
  fs::create_symlink("/etc", root_ + "/dir");
  fs::create_symlink("/proc/self/environ", root_ + "/env.json");
  fs::create_hard_link(top_ + "/secret", root_ + "/hard.txt");
  fs::create_hard_link(top_ + "/secret", root_ + "/hard.json");
  const auto got = collect();
  expect_no_secret(got);
  EXPECT_TRUE(got.artifacts.empty());
  EXPECT_THAT(got.warning, HasSubstr("'link.txt' was passed over: it is a symbolic link"));
  EXPECT_THAT(got.warning, HasSubstr("'hard.txt' was passed over: it is a hard link"));
}

TEST_F(Collect, ALinkedHarnessDirectoryIsNotFollowed) {
  fs::create_directory(top_ + "/elsewhere");
  write_at(top_ + "/elsewhere/result.json", R"({"result":{"x":"the secret"}})");
  write_at(top_ + "/elsewhere/models/m/k.json", R"("the secret")");
  fs::create_symlink(top_ + "/elsewhere", root_ + "/.modelrun");
  const auto got = collect();
  expect_no_secret(got);
  EXPECT_FALSE(got.outputs);
}

TEST_F(Collect, SpecialFilesDoNotHang) {
  ASSERT_EQ(::mkfifo((root_ + "/fifo.json").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  fs::create_directory(root_ + "/.modelrun");
  ASSERT_EQ(::mkfifo((root_ + "/.modelrun/result.json").c_str(), 0600), 0);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (root_ + "/socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  if (::mknod((root_ + "/tty").c_str(), S_IFCHR | 0600, makedev(5, 0)) != 0) write("tty-not-made", "");
  const auto got = collect();
  EXPECT_THAT(got.warning, HasSubstr("'fifo' was passed over: it is a FIFO"));
  EXPECT_THAT(got.warning, HasSubstr("'socket' was passed over: it is a socket"));
  EXPECT_THAT(got.error->message, HasSubstr("result"));
  EXPECT_FALSE(got.outputs);
}

TEST_F(Collect, SparseFilesCostNothing) {
  for (const char* name : {"sparse.json", "sparse.bin"}) {
    write(name, "");
    fs::resize_file(root_ + "/" + name, std::uintmax_t{1} << 40U);
  }
  const auto got = collect();
  EXPECT_EQ(got.error->reason, "OutputsTooLarge");
  ASSERT_EQ(got.artifacts.size(), 1U);
  EXPECT_EQ(got.artifacts[0].size, std::uint64_t{1} << 40U);
  EXPECT_EQ(got.artifacts[0].sha256, "");
  EXPECT_THAT(got.artifact_loss, HasSubstr("no digest"));
}

TEST_F(Collect, StrangeNames) {
  write("new\nline.txt", "x");
  write("bad\xff.json", "1");
  write("esc\x1b[2J.txt", "x");
  write(".json", "1");
  write("sp ace.txt", "x");
  const auto got = collect();
  ASSERT_EQ(got.artifacts.size(), 2U);
  EXPECT_EQ(got.artifacts[0].name, ".json");
  EXPECT_EQ(got.artifacts[1].name, "sp ace.txt");
  EXPECT_FALSE(got.outputs);
  EXPECT_THAT(got.warning, HasSubstr("'new line.txt'"));
  for (const char c : got.warning) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST_F(Collect, DeepAndManyDirectories) {
  std::string path = "d";
  for (int i = 0; i < 30; ++i) path += "/d";
  write(path + "/deep.txt", "x");
  EXPECT_THAT(collect().warning, HasSubstr("deeper than 8"));
  limits_.walk.entries = 50;
  for (int i = 0; i < 100; ++i) write(fmt::format("f{}.txt", i), "");
  const auto got = collect();
  EXPECT_LE(got.artifacts.size(), 50U);
  EXPECT_THAT(got.warning, HasSubstr("more than 50 entries"));
}

TEST_F(Collect, ManyKeysAndHostileDepth) {
  write("deep.json", std::string(100'000, '['));
  EXPECT_THAT(collect().error->message, HasSubstr("/outputs/deep.json: at "));
}

// ---- Many, deep, large -----------------------------------------------------------------------------------------

TEST_F(Collect, SizesAreAddedUpBeforeAnythingIsRead) {
  limits_.outputs.bytes = 1000;
  for (int i = 0; i < 10; ++i) write(fmt::format("part{}.json", i), "1" + std::string(900, ' '));
  const auto got = collect();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->reason, "OutputsTooLarge");
  EXPECT_THAT(got.error->message, HasSubstr("9010 bytes together, at most 8096 are read"));
  EXPECT_THAT(got.error->message, HasSubstr("/outputs/part"));
  EXPECT_FALSE(got.outputs);
}

TEST_F(Collect, FilesOfModelsCountToo) {
  limits_.outputs.bytes = 1000;
  for (int i = 0; i < 10; ++i) write(fmt::format(".modelrun/models/m/k{}.json", i), "1" + std::string(900, ' '));
  EXPECT_EQ(collect().error->reason, "OutputsTooLarge");
  fs::remove_all(root_ + "/.modelrun");
  write(".modelrun/result.json", "{}" + std::string(9000, ' '));
  EXPECT_EQ(collect().error->reason, "OutputsTooLarge");
}

TEST_F(Collect, ManySmallValuesAreTooLargeAsText) {
  limits_.outputs.bytes = 1000;
  for (int i = 0; i < 3; ++i) {
    std::string text = "[";
    for (int j = 0; j < 200; ++j) text += "{},";
    write(fmt::format("part{}.json", i), text + "{}]");
  }
  const auto got = collect();
  EXPECT_EQ(got.error->reason, "OutputsTooLarge");
  EXPECT_THAT(got.error->message, HasSubstr("'part0' with 604"));
}

TEST_F(Collect, OutputsThatCannotBeListedAreAnError) {
  limits_.walk.entries = 50;
  for (int i = 0; i < 60; ++i) write(fmt::format("f{}.json", i), "1");
  EXPECT_EQ(collect().error->reason, "OutputsTooLarge");
  limits_.walk.entries = 10'000;
  limits_.walk.name_bytes = 100;
  EXPECT_THAT(collect().error->message, HasSubstr("100 bytes of names"));
  limits_.walk.name_bytes = 10'000;
  EXPECT_FALSE(collect().error);
  for (int i = 0; i < 60; ++i) write(fmt::format(".modelrun/models/m/{}{}.json", std::string(200, 'x'), i), "1");
  EXPECT_EQ(collect().error->reason, "OutputsTooLarge");
}

TEST_F(Collect, ArtifactsThatCannotBeListedAreAWarning) {
  limits_.walk.entries = 50;
  write("a.json", "1");
  for (int i = 0; i < 60; ++i) write(fmt::format("dir/f{}.txt", i), "x");
  const auto got = collect();
  EXPECT_FALSE(got.error);
  EXPECT_EQ(got.outputs, R"({"a":1})");
  EXPECT_THAT(got.warning, HasSubstr("more than 50 entries"));
}

// ---- Names that meet -------------------------------------------------------------------------------------------

TEST_F(Collect, AModelsFilesDoNotReplaceAnOutputOfItsName) {
  write("revenue.json", "7");
  write(".modelrun/models/revenue/rows.json", "[1]");
  const auto got = collect();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->reason, "OutputsInvalid");
  EXPECT_THAT(
      got.error->message,
      HasSubstr("'revenue' comes twice: from /outputs/revenue.json and from /outputs/rows.json of model revenue"));
  EXPECT_EQ(got.outputs, R"({"revenue":7})");
}

TEST_F(Collect, AForgedModelThatIsNoObjectIsNotReplacedEither) {
  write(".modelrun/result.json", R"({"models":{"m":3,"n":{"x":1}}})");
  write(".modelrun/models/m/rows.json", "[1]");
  const auto got = collect();
  EXPECT_THAT(got.error->message, HasSubstr("'m' comes twice"));
  EXPECT_EQ(got.outputs, R"({"m":3,"n":{"x":1}})");
}

TEST_F(Collect, WarningsAboutFilesOfModelsAreKept) {
  write(".modelrun/models/m/x.json", "1");
  fs::create_symlink(top_ + "/secret", root_ + "/.modelrun/models/m/link.json");
  EXPECT_THAT(collect().warning, HasSubstr("'.modelrun/models/m/link.json' was passed over: it is a symbolic link"));
}

TEST_F(Collect, DepthIsThatOfTheOutputs) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  write("a.json", nested(99));
  write(".modelrun/models/m/b.json", nested(98));
  write(".modelrun/result.json", R"({"result":{"c":)" + nested(99) + "}}");
  EXPECT_FALSE(collect().error);
  write("a.json", nested(100));
  EXPECT_THAT(collect().error->message, HasSubstr("/outputs/a.json: at /0"));
  write("a.json", "1");
  write(".modelrun/models/m/b.json", nested(99));
  EXPECT_THAT(collect().error->message, HasSubstr("/outputs/b.json of model m"));
}

// ---- Text that is shown ----------------------------------------------------------------------------------------

TEST_F(Collect, TheHarnesssErrorIsBoundedAndPrintable) {
  write(".modelrun/error.json",
        R"({"message":"run.py\u001b[2J\nforged\u009b1m\u202e)" + std::string(50'000, 'x') + "\"}");
  const auto got = collect();
  EXPECT_THAT(got.error->message, testing::StartsWith("run.py?[2J forged?1m?xxx"));
  EXPECT_EQ(got.error->message.size(), 1000U);
  write(".modelrun/error.json", R"({"message":")" + std::string(2'000'000, 'x') + "\"}");
  EXPECT_THAT(collect().error->message, HasSubstr("the harness's error"));
}

TEST_F(Collect, TheFailureAndTheWarningOfTheHarness) {
  EXPECT_EQ(collect().failure, "");
  write(".modelrun/error.json",
        R"({"reason":"NonZeroExit","message":"E: \u001b[2J\n)" + std::string(50'000, 'x') + "\"}");
  write("bad.json", "{");
  const auto got = collect();
  EXPECT_THAT(got.failure, testing::StartsWith("E: ?[2J xxx"));
  EXPECT_EQ(got.failure.size(), 1000U);
  EXPECT_THAT(got.error->message, HasSubstr("/outputs/bad.json")) << "a failure hides no fault of the outputs";
  write(".modelrun/warning.json", R"({"message":"run.py: \u001b\n)" + std::string(50'000, 'x') + "\"}");
  fs::create_symlink("/etc/passwd", root_ + "/link.txt");
  const auto warned = collect().warning;
  EXPECT_THAT(warned, testing::StartsWith("run.py: ? xxx"));
  EXPECT_THAT(warned, HasSubstr("; '"));
  EXPECT_LT(warned.size(), 2048U);
  write(".modelrun/warning.json", "{");
  EXPECT_THAT(collect().warning, testing::Not(HasSubstr("run.py")));
}

TEST_F(Collect, NoNameOrKeyCarriesControlCharacters) {
  write("a\xE2\x80\xAE.txt", "x");
  write("b\xC2\x9B.txt", "x");
  write("c.json", "{\"k\\u001b\\u202e\":[NaN]}");
  const auto got = collect();
  EXPECT_TRUE(got.artifacts.empty());
  EXPECT_EQ(printable(got.warning), got.warning);
  EXPECT_EQ(printable(got.error->message), got.error->message);
  EXPECT_THAT(got.error->message, HasSubstr("at /k?"
                                            "?/0"));
}

TEST_F(Collect, AMissingDirectoryIsAWarning) {
  fs::remove_all(root_);
  EXPECT_THAT(collect().warning, HasSubstr("could not be read"));
}

// A file that is turned into a link again and again while it is read: whatever comes, it is never the secret.
TEST_F(Collect, SwappedWhileRead) {
  write("plain", "plain");
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      fs::create_symlink(top_ + "/secret", root_ + "/l");
      fs::rename(root_ + "/l", root_ + "/x.txt");
      write_at(root_ + "/p", "plain");
      fs::rename(root_ + "/p", root_ + "/x.txt");
    }
  });
  for (int i = 0; i < 300; ++i) expect_no_secret(collect());
  stop = true;
  swapper.join();
}

}  // namespace
}  // namespace modelrun::sandbox
