#include "source/git/blob_reader.h"

#include <gtest/gtest.h>

namespace modelrun::source {
namespace {

const std::string kA(40, 'a');
const std::string kB(40, 'b');

class BlobReaderTest : public ::testing::Test {
 protected:
  Result<void> read(const std::string& text, std::size_t piece) {
    std::vector<BlobReader::Entry*> entries;
    for (auto& entry : nodes_) entries.push_back(&entry);
    BlobReader reader(entries, {.begin = [this](auto& entry) -> Result<void> {
                                  got_ += "[" + entry.first + ":";
                                  return {};
                                },
                                .data = [this](auto&, std::string_view bytes) -> Result<void> {
                                  got_ += bytes;
                                  return {};
                                },
                                .end = [this](auto&) -> Result<void> {
                                  got_ += "]";
                                  return {};
                                }});
    EXPECT_EQ(reader.questions(), kA + "\n" + kB + "\n");
    for (std::size_t at = 0; at < text.size(); at += piece) {
      if (auto fed = reader.feed(std::string_view(text).substr(at, piece)); !fed) return fed;
    }
    return reader.finish();
  }

  Tree::Nodes nodes_ = {{"x", Node{NodeKind::kFile, 4, {}, kA}}, {"y", Node{NodeKind::kFile, 0, {}, kB}}};
  std::string got_;
};

TEST_F(BlobReaderTest, ReadsInPiecesOfAnySize) {
  const std::string text = kA + " blob 4\na\n\nb\n" + kB + " blob 0\n\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    got_.clear();
    EXPECT_TRUE(read(text, piece)) << piece;
    EXPECT_EQ(got_, "[x:a\n\nb][y:]");
  }
}

TEST_F(BlobReaderTest, RefusesEveryOtherAnswer) {
  for (const std::string& text :
       {kA + " missing\n", kA + " blob 5\nabcde\n", kB + " blob 4\nabcd\n", kA + " tree 4\nabcd\n", kA + " blob 4\nabc",
        kA + " blob 4\nabcdX", kA + " blob 4\nabcd\n", kA + " blob 4\nabcd\n" + kB + " blob 0\n\nmore", std::string(),
        std::string(1000, 'x')}) {
    EXPECT_FALSE(read(text, 7)) << text;
  }
}

}  // namespace
}  // namespace modelrun::source
